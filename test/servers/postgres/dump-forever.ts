import { createMemoryArchiveStore } from '../../../shared/adapters/memory/archive-store.ts';
import { gatedStore } from './faults.ts';
import { createWorkbench } from './workbench.ts';

/** Started by dump-faults.test.ts as a process of its own: dumps until it stands in the middle, says so, and stays there. */
const { database, ...postgres } = JSON.parse(process.env['SETTINGS'] ?? '{}') as {
  host: '127.0.0.1';
  port: number;
  user: string;
  password: string;
  binDir: string;
  database: string;
};
const gate = gatedStore(createMemoryArchiveStore(), 'database.dump.zst');
const workbench = await createWorkbench({ storageConnectionString: '', blobEndpoint: '', postgres }, gate.store);
const ended = workbench.source.dump(workbench.dumpRequest(database));
await Promise.race([gate.reached, ended]);
// The globals are a short process of their own: only the dump is to be seen.
setTimeout(() => process.stdout.write('in the middle\n'), 1500);
await ended;
