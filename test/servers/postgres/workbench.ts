import { randomBytes } from 'node:crypto';
import { createMemoryArchiveStore } from '../../../shared/adapters/memory/archive-store.ts';
import { findClients } from '../../../shared/adapters/postgres/clients.ts';
import { createDumpSource } from '../../../shared/adapters/postgres/dump-source.ts';
import { createRestoreTarget } from '../../../shared/adapters/postgres/restore-target.ts';
import type { DumpReport } from '../../../shared/domain/manifest.ts';
import type { ArchiveStore, Connection, DumpRequest, DumpSource, Log, RestoreRequest } from '../../../shared/ports.ts';
import type { RestoreOutcome, RestoreTarget } from '../../../shared/ports.ts';
import { Secret } from '../../../shared/secret.ts';
import type { TestServers } from '../../support/global-setup.ts';

export const container = 'points';

export interface Workbench {
  readonly archive: ArchiveStore;
  readonly source: DumpSource;
  readonly target: RestoreTarget;
  connection(database: string, role?: { user: string; password: string }): Connection;
  /** A dump request with a folder and job of its own. */
  dumpRequest(database: string, changes?: Partial<DumpRequest>): DumpRequest;
  restoreRequest(request: DumpRequest, report: DumpReport, changes?: Partial<RestoreRequest>): RestoreRequest;
  /** Dumps and restores beside the source. */
  roundTrip(database: string): Promise<{ report: DumpReport; outcome: RestoreOutcome; restored: string }>;
  /** Names of everything readable in the store. */
  blobs(): Promise<string[]>;
}

export const silentLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The adapters under test over one server and a store in memory (or the given one). */
export async function createWorkbench(
  servers: TestServers,
  archive: ArchiveStore = createMemoryArchiveStore(),
): Promise<Workbench> {
  await archive.ensureContainer(container);
  const { host, port, user, password, binDir } = servers.postgres;
  const clients = await findClients({ binDirs: [binDir], searchPath: '/usr/bin' });
  const options = { archive, clients, log: silentLog };
  const source = createDumpSource(options);
  const target = createRestoreTarget(options);
  const unique = (): string => randomBytes(5).toString('hex');
  const connection: Workbench['connection'] = (database, role = { user, password }) => ({
    host,
    port,
    database,
    user: role.user,
    password: new Secret(role.password),
    sslMode: 'disable',
  });
  const dumpRequest: Workbench['dumpRequest'] = (database, changes = {}) => ({
    connection: connection(database),
    jobId: unique(),
    container,
    folder: `instance/point-${unique()}/`,
    compressionLevel: 1,
    lockWaitSeconds: 5,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    ...changes,
  });
  const restoreRequest: Workbench['restoreRequest'] = (request, report, changes = {}) => ({
    connection: request.connection,
    jobId: request.jobId,
    targetDatabase: `restored_${unique()}`,
    scratchDatabase: `scratch_${unique()}`,
    report,
    container,
    folder: request.folder,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    beforeCommit: () => Promise.resolve(),
    ...changes,
  });
  return {
    archive,
    source,
    target,
    connection,
    dumpRequest,
    restoreRequest,
    async roundTrip(database) {
      const request = dumpRequest(database);
      const report = await source.dump(request);
      const restore = restoreRequest(request, report);
      return { report, outcome: await target.restore(restore), restored: restore.targetDatabase };
    },
    async blobs() {
      const names: string[] = [];
      for await (const { name } of archive.list(container, '')) names.push(name);
      return names;
    },
  };
}
