import { Readable } from 'node:stream';
import type { ActivityDependencies } from '../../orchestrations/activities/dependencies.ts';
import type { ActivityHandlers } from '../../orchestrations/register.ts';
import { createActivities } from '../../orchestrations/register.ts';
import type { OrchestrationStarter, OrchestrationState } from '../../orchestrations/starter.ts';
import { createMemoryArchiveStore } from '../../shared/adapters/memory/archive-store.ts';
import { createMemoryRowStore } from '../../shared/adapters/memory/row-store.ts';
import { createCatalog } from '../../shared/catalog/catalog.ts';
import type { DumpReport } from '../../shared/domain/manifest.ts';
import type {
  ArchiveStore,
  Connection,
  DumpRequest,
  RestoreOutcome,
  RestoreRequest,
  SourceFacts,
} from '../../shared/ports.ts';
import { Secret } from '../../shared/secret.ts';
import { Faults } from './faults.ts';

/** A whole product without servers: real activities and catalogue over memory stores, a scripted database, a hand-moved clock. */

export interface Dump {
  parts: { name: string; kind: 'database' | 'globals'; content: string }[];
}

/** Orchestrations that were started, and what the test says of them. */
export class MemoryStarter implements OrchestrationStarter {
  readonly started: Parameters<OrchestrationStarter['start']>[0][] = [];
  readonly raised: { id: string; event: string }[] = [];
  readonly states = new Map<string, OrchestrationState>();

  async start(run: Parameters<OrchestrationStarter['start']>[0]): Promise<void> {
    if (this.states.get(run.id) === 'running') return;
    this.started.push(run);
    this.states.set(run.id, 'running');
  }

  async state(id: string): Promise<OrchestrationState> {
    return this.states.get(id) ?? 'absent';
  }

  async raise(id: string, event: string): Promise<void> {
    this.raised.push({ id, event });
  }
}

export class MemoryWorld {
  readonly faults = new Faults();
  readonly starter = new MemoryStarter();
  readonly needs: ActivityDependencies;
  readonly activities: ActivityHandlers;
  now = new Date('2026-03-02T01:00:00.000Z');
  /** What the database says when it is connected to; or how connecting fails. */
  facts: SourceFacts | Error = {
    server: 'db.example:5432',
    serverVersion: '17.2',
    serverMajor: 17,
    sizeBytes: 1000,
    relationCount: 3,
    systemIdentifier: '7300000000000000001',
    databaseOid: 16384,
  };
  dump: Dump = {
    parts: [
      { name: 'database.dump.zst', kind: 'database', content: 'the database' },
      { name: 'globals.sql.zst', kind: 'globals', content: 'the roles' },
    ],
  };
  /** Runs in the middle of a dump, before its parts are committed. */
  duringDump: (request: DumpRequest) => Promise<void> = () => Promise.resolve();
  duringRestore: (request: RestoreRequest) => Promise<void> = () => Promise.resolve();
  restoreOutcome: RestoreOutcome = { databaseOid: 50001, tables: [], restoredBytes: 0, warnings: [] };
  readonly restored: string[] = [];
  /** Databases of the target server, by name. */
  readonly databases = new Map<string, number>();
  readonly dropped: string[] = [];
  readonly logged: { level: string; message: string; facts?: unknown; error?: unknown }[] = [];
  /** The container that files are restored to. */
  readonly filesTarget: ArchiveStore = createMemoryArchiveStore();

  constructor() {
    const archive = this.faults.wrap('archive', createMemoryArchiveStore());
    const log = (level: string) => (message: string, facts?: unknown) =>
      void this.logged.push({ level, message, facts });
    this.needs = {
      catalog: createCatalog(this.faults.wrap('rows', createMemoryRowStore())),
      archive,
      dumpSource: { check: async () => this.#factsOrFail(), dump: (request) => this.#dump(request) },
      restoreTarget: {
        check: async () => ({ server: this.#factsOrFail().server, serverMajor: 17, missingExtensions: [] }),
        restore: (request) => this.#restore(request),
        databaseOid: async (_, database) => this.databases.get(database),
        dropScratch: async (_, scratch) => void this.dropped.push(scratch),
      },
      connections: { resolve: async (_, datasource) => this.#connection(datasource.databaseName) },
      targetContainers: { open: async () => ({ store: this.filesTarget, container: 'files' }) },
      clock: () => new Date(this.now),
      log: {
        info: log('info'),
        warn: log('warn'),
        error: (message, error, facts) => void this.logged.push({ level: 'error', message, error, facts }),
      },
    };
    this.activities = createActivities(this.needs);
  }

  get catalog(): ActivityDependencies['catalog'] {
    return this.needs.catalog;
  }

  get archive(): ArchiveStore {
    return this.needs.archive;
  }

  advance(seconds: number): void {
    this.now = new Date(this.now.getTime() + seconds * 1000);
  }

  /** Names in the vault's container. */
  async blobs(): Promise<string[]> {
    return namesIn(this.archive, 'container');
  }

  async fileNames(): Promise<string[]> {
    return namesIn(this.filesTarget, 'files');
  }

  #factsOrFail(): SourceFacts {
    if (this.facts instanceof Error) throw this.facts;
    return this.facts;
  }

  #connection(database: string): Connection {
    return { host: 'db.example', port: 5432, database, user: 'u', password: new Secret('p'), sslMode: 'disable' };
  }

  async #dump(request: DumpRequest): Promise<DumpReport> {
    const { container, folder, signal, onProgress } = request;
    const staged = await Promise.all(
      this.dump.parts.map(async ({ name, kind, content }) => ({
        name,
        kind,
        rawBytes: content.length * 2,
        result: await this.archive.stage(container, `${folder}${name}`, Readable.from([Buffer.from(content)]), {
          signal,
        }),
      })),
    );
    onProgress({ storedBytes: 1, tablesCounted: 0, tablesTotal: 2 });
    try {
      await this.duringDump(request);
      signal.throwIfAborted();
    } catch (error) {
      for (const { result } of staged) await result.discard();
      throw error;
    }
    for (const { result } of staged) await result.commit();
    const parts = staged.map(({ name, kind, rawBytes, result }) => {
      const { storedBytes, sha256, blocks } = result;
      return { name, kind, rawBytes, storedBytes, sha256, blocks };
    });
    return reportOf(parts, this.now, this.#factsOrFail());
  }

  async #restore(request: RestoreRequest): Promise<RestoreOutcome> {
    request.onProgress({ restoredBytes: 1, phase: 'data' });
    await this.duringRestore(request);
    request.signal.throwIfAborted();
    await request.beforeCommit(this.restoreOutcome);
    this.restored.push(request.targetDatabase);
    this.databases.set(request.targetDatabase, this.restoreOutcome.databaseOid);
    return this.restoreOutcome;
  }
}

async function namesIn(store: ArchiveStore, container: string): Promise<string[]> {
  await store.ensureContainer(container);
  const names: string[] = [];
  for await (const { name } of store.list(container, '')) names.push(name);
  return names;
}

const reportOf = (parts: DumpReport['parts'], snapshot: Date, facts: SourceFacts): DumpReport => ({
  formatVersion: 1,
  snapshotTime: snapshot.toISOString(),
  database: {
    name: 'shop',
    encoding: 'UTF8',
    collate: 'C',
    ctype: 'C',
    sizeBytes: facts.sizeBytes,
    systemIdentifier: facts.systemIdentifier,
    databaseOid: facts.databaseOid,
  },
  server: { version: facts.serverVersion, major: facts.serverMajor, host: 'db.example', port: 5432, isStandby: false },
  tools: { pgDump: 'pg_dump (PostgreSQL) 17.2', zstd: '1.5.4', product: 'test' },
  parts,
  tables: [{ schema: 'public', name: 'orders', rows: 7 }],
  extensions: [],
  owners: ['app'],
  leftOut: [],
});
