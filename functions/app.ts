import { lookup } from 'node:dns/promises';
import { registerOrchestrations } from '../orchestrations/register.ts';
import { azureCredential } from '../shared/adapters/azure/credential.ts';
import { openStorage } from '../shared/adapters/azure/storage-clients.ts';
import { createBlobArchiveStore } from '../shared/adapters/blob/archive-store.ts';
import { vaultStoreFaults } from '../shared/adapters/blob/store-faults.ts';
import { createTargetContainers } from '../shared/adapters/blob/target-containers.ts';
import { createConnectionResolver } from '../shared/adapters/connection/connection-resolver.ts';
import { createKeyVaultSecretReader } from '../shared/adapters/keyvault/secret-reader.ts';
import { createConsoleLog } from '../shared/adapters/log.ts';
import { findClients } from '../shared/adapters/postgres/clients.ts';
import { createDumpSource } from '../shared/adapters/postgres/dump-source.ts';
import { createRestoreTarget } from '../shared/adapters/postgres/restore-target.ts';
import { createScrubber } from '../shared/adapters/scrubber.ts';
import { createTableRowStore } from '../shared/adapters/table/row-store.ts';
import { createCatalog } from '../shared/catalog/catalog.ts';
import { loadConfig } from '../shared/config.ts';
import type { Clock, DumpSource, RestoreTarget } from '../shared/ports.ts';
import { createAuthenticate } from './auth/authenticate.ts';
import { remembered } from './remembered.ts';
import { registerRoutes } from './register-routes.ts';
import { createServiceIdentity } from './service-identity.ts';
import { registerStartDueBackups } from './timers/start-due-backups.ts';
import { registerWatchRuns } from './timers/watch-runs.ts';

/** The composition root: settings → adapters → everything is registered. The only file that names adapters. */

const config = loadConfig();
const clock: Clock = () => new Date();
const scrubber = createScrubber();
const log = createConsoleLog(config.logLevel, scrubber);
const storage = openStorage(config.storage, azureCredential);
const catalog = createCatalog(createTableRowStore((name) => storage.table(name), config.tablePrefix));
const archive = createBlobArchiveStore(storage.blobs, { faults: vaultStoreFaults, mayCreate: true });

/** Looked for when a run needs them: without them the API still answers, and each run fails with the tool's name. */
const postgres = remembered(async () => {
  const clients = await findClients({ binDirs: config.pgBinDirs });
  const options = { archive, clients, log };
  return { source: createDumpSource(options), target: createRestoreTarget(options) };
});

const dumpSource: DumpSource = {
  check: async (connection) => (await postgres()).source.check(connection),
  dump: async (request) => (await postgres()).source.dump(request),
};

const restoreTarget: RestoreTarget = {
  check: async (connection, wanted) => (await postgres()).target.check(connection, wanted),
  restore: async (request) => (await postgres()).target.restore(request),
  databaseOid: async (connection, database) => (await postgres()).target.databaseOid(connection, database),
  dropScratch: async (connection, database) => (await postgres()).target.dropScratch(connection, database),
};

const connections = createConnectionResolver({
  secrets: createKeyVaultSecretReader({
    credential: azureCredential(),
    verifyChallenges: config.keyVault.verifyChallenges,
    remember: (secret) => scrubber.remember(secret),
  }),
  lookup: (host) => lookup(host, { all: true }),
  remember: (secret) => scrubber.remember(secret),
});

const targetContainers = createTargetContainers(storage.blobs, azureCredential);

registerOrchestrations({ catalog, archive, dumpSource, restoreTarget, connections, targetContainers, clock, log });

registerRoutes({
  catalog,
  clock,
  log,
  issuer: config.auth.issuer,
  authenticate: createAuthenticate(config.auth, clock),
  identity: createServiceIdentity({
    tenantId: config.auth.tenantId,
    ownToken: async () => {
      const options = { abortSignal: AbortSignal.timeout(5000) };
      return (await azureCredential().getToken('https://storage.azure.com/.default', options))?.token;
    },
    log,
  }),
  ...(config.publicBaseUrl === undefined ? {} : { publicBaseUrl: config.publicBaseUrl }),
});

registerStartDueBackups({ catalog, clock, log });
registerWatchRuns({ catalog, archive, clock, log });
