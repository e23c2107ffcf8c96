import { appendFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { composeHost } from '../../../local/functions-host/host.ts';
import { readHostJson } from '../../../local/functions-host/host-json.ts';
import { deriveKeys } from '../../../local/functions-host/http/keys.ts';
import { createLog } from '../../../local/functions-host/log.ts';
import { openAzureStorage } from '../../../local/functions-host/storage/azure-storage.ts';
import { crashingStorage, type CrashPoint } from './crashing-storage.ts';

/** The host, put together as its own main does, over a storage that kills it: CRASH_OPERATION, CRASH_MOMENT, COUNT_FILE. */
const appFolder = process.argv[process.argv.indexOf('--app') + 1] ?? '';
const environment = process.env;
const connectionString = environment['AzureWebJobsStorage'] ?? '';
const settings = readHostJson(appFolder, environment, availableParallelism());
const moments: readonly CrashPoint['moment'][] = ['before', 'after', 'lost'];
const moment = moments.find((one) => one === environment['CRASH_MOMENT']) ?? 'before';
const point: CrashPoint = { operation: Number(environment['CRASH_OPERATION']), moment };
const countFile = environment['COUNT_FILE'] ?? '';
const storage = crashingStorage(openAzureStorage(connectionString, settings.hubName), point, (operation) => {
  appendFileSync(countFile, `${operation}\n`);
});
const host = await composeHost(
  {
    appFolder,
    port: 0,
    log: createLog(process.stdout, true),
    environment,
    onLost: () => process.exit(3),
  },
  settings,
  deriveKeys(connectionString, settings.hubName, environment['FUNCTIONS_MASTER_KEY']),
  storage,
);
process.on('SIGTERM', () => void host.stop().then(() => process.exit(0)));
process.stdout.write(`Host is ready at ${host.url}\n`);
