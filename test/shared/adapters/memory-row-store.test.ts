import { createMemoryRowStore } from '../../../shared/adapters/memory/row-store.ts';
import { describeRowStore } from '../../contracts/row-store.ts';

describeRowStore('memory', createMemoryRowStore);
