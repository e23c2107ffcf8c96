import { createMemoryArchiveStore } from '../../../shared/adapters/memory/archive-store.ts';
import { describeArchiveStore } from '../../contracts/archive-store.ts';

describeArchiveStore('memory', createMemoryArchiveStore);
