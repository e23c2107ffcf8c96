import { setTimeout as sleep } from 'node:timers/promises';
import { VaultError } from '../../domain/errors.ts';
import { manifestFormatVersion } from '../../domain/manifest.ts';
import type { DumpReport, TableCount } from '../../domain/manifest.ts';
import { Parties } from '../../pipeline/parties.ts';
import type { DumpProgress, DumpRequest } from '../../ports.ts';
import { databaseFacts, listExtensions, listOwners } from './catalogue.ts';
import type { TableEntry } from './catalogue.ts';
import { readDatabaseProperties } from './database-properties.ts';
import { dumpDatabase, dumpGlobals } from './dump-parts.ts';
import type { PartsContext, StagedPart } from './dump-parts.ts';
import type { PostgresAdapterOptions } from './dump-source.ts';
import { checkEnumLabels } from './enum-labels.ts';
import { leftOutByTool, leftOutOfArchive } from './left-out.ts';
import { watchForWaiters } from './lock-watch.ts';
import { serverOf } from './pg-errors.ts';
import { qualified } from './quoting.ts';
import { countRows } from './row-counts.ts';
import type { Session } from './session.ts';
import { keepSnapshot } from './snapshot-keeper.ts';
import type { KeptSnapshot } from './snapshot-keeper.ts';
import { compareContents } from './table-of-contents.ts';

const progressMilliseconds = 1000;
const heartbeatMilliseconds = 30_000;

export interface Sessions {
  /** Holds the snapshot and the locks, and counts under them. */
  readonly keeper: Session;
  /** Looks on from outside the snapshot. */
  readonly monitor: Session;
}

interface Gathered {
  readonly parts: readonly StagedPart[];
  readonly tables: readonly TableCount[];
  readonly leftOut: DumpReport['leftOut'];
}

/** All sessions of one dump carry it: this is how they are told from the application's. */
export const applicationName = (request: DumpRequest): string => `ltr-vault/${request.jobId}`.slice(0, 63);

/** Everything of a dump that needs its sessions. Parts that were staged are added to `staged`, also when it fails. */
export async function dumpUnderSnapshot(
  request: DumpRequest,
  options: PostgresAdapterOptions,
  { keeper, monitor }: Sessions,
  staged: StagedPart[],
): Promise<DumpReport> {
  const { connection } = request;
  const tools = options.clients.fitting(keeper.serverMajor);
  const kept = await keepSnapshot(keeper, request.lockWaitSeconds, request.signal);
  const facts = await databaseFacts(keeper, serverOf(connection));
  const gathered = await gather(request, options, { keeper, monitor }, kept, facts, staged);
  await checkEnumLabels(keeper, monitor);
  const [extensions, owners] = [await listExtensions(keeper), await listOwners(keeper)];
  const databaseProperties = await readDatabaseProperties(keeper);
  // Until here the keeper answered, so the snapshot and the locks held throughout.
  await keeper.query('COMMIT');
  for (const part of staged) await part.staged.commit();
  const { isStandby, ...database } = facts;
  return {
    formatVersion: manifestFormatVersion,
    snapshotTime: kept.takenAt,
    database,
    server: {
      version: keeper.serverVersion,
      major: keeper.serverMajor,
      host: connection.host,
      port: connection.port,
      isStandby,
    },
    tools: { pgDump: tools.version, zstd: options.clients.zstd.version, product: options.product ?? 'ltr-vault' },
    parts: gathered.parts.map(({ part }) => part),
    tables: [...gathered.tables],
    extensions,
    databaseProperties,
    owners,
    leftOut: gathered.leftOut,
  };
}

/** Runs everything that happens under the snapshot at the same time; the first failure ends the rest. */
async function gather(
  request: DumpRequest,
  options: PostgresAdapterOptions,
  { keeper, monitor }: Sessions,
  kept: KeptSnapshot,
  facts: { encoding: string; isStandby: boolean },
  staged: StagedPart[],
): Promise<Gathered> {
  const parties = new Parties(request.signal);
  const finished = new AbortController();
  const context = partsContext(request, options, keeper, parties.signal);
  const plan = planData(kept, facts.isStandby);
  const progress = reporter(request, plan.data.length);
  parties.signal.addEventListener('abort', () => void stopCounting(monitor, keeper), { once: true });
  const watching = [
    parties.watch(watchForWaiters(monitor, context.target.applicationName, request.lockWaitSeconds, finished.signal)),
    parties.watch(stayAlive(keeper, AbortSignal.any([finished.signal, parties.signal]))),
  ];
  const dump = { snapshot: kept.snapshot, encoding: facts.encoding };
  const onProgress = (storedBytes: number): void => progress({ storedBytes });
  const [database, globals, counted] = await Promise.all([
    parties.watch(keep(dumpDatabase(context, { ...dump, onProgress }), staged)),
    parties.watch(keep(dumpGlobals(context), staged)),
    parties.watch(
      count(keeper, plan, parties.signal, (tablesCounted) => {
        progress({ tablesCounted });
      }),
    ),
  ]);
  finished.abort();
  await Promise.all(watching);
  parties.throwRootCause();
  if (database === undefined || counted === undefined) throw new Error('a party of the dump is missing');
  const fault = compareContents(database.contents, new Map(plan.data.map((table) => [table.oid, nameOf(table)])));
  if (fault !== '') throw new VaultError('UserErrorDatabaseCannotBeDumped', { detail: fault });
  const noGlobals = { what: 'roles and tablespaces', why: 'the role may not read them' };
  return {
    parts: globals === undefined ? [database] : [database, globals],
    tables: counted.tables,
    leftOut: [...counted.leftOut, ...leftOutByTool(database.sourceEnd), ...(globals === undefined ? [noGlobals] : [])],
  };
}

interface DataPlan {
  /** Tables whose rows will be in the archive. */
  readonly data: readonly TableEntry[];
  /** Tables whose rows cannot be read here. */
  readonly skipped: readonly TableEntry[];
}

function planData(kept: KeptSnapshot, isStandby: boolean): DataPlan {
  const withRows = kept.tables.filter((table) => table.kind === 'r');
  const readable = (table: TableEntry): boolean => !(isStandby && table.unlogged);
  return { data: withRows.filter(readable), skipped: withRows.filter((table) => !readable(table)) };
}

async function count(
  keeper: Session,
  { data, skipped }: DataPlan,
  signal: AbortSignal,
  onCounted: (tables: number) => void,
): Promise<Pick<Gathered, 'tables' | 'leftOut'>> {
  const leftOut = await leftOutOfArchive(keeper, skipped);
  return { leftOut, tables: await countRows(keeper, data, { inTransaction: true, signal, onCounted }) };
}

const nameOf = (table: TableEntry): string => qualified(table.schema, table.name);

async function keep<T extends StagedPart | undefined>(dumping: Promise<T>, staged: StagedPart[]): Promise<T> {
  const part = await dumping;
  if (part !== undefined) staged.push(part);
  return part;
}

function partsContext(
  request: DumpRequest,
  { archive, clients }: PostgresAdapterOptions,
  { serverMajor, isSuperuser }: Session,
  signal: AbortSignal,
): PartsContext {
  const { connection } = request;
  const target = {
    connection,
    database: connection.database,
    applicationName: applicationName(request),
    serverMajor,
    isSuperuser,
    purpose: 'dump' as const,
    ...(clients.caFile === undefined ? {} : { caFile: clients.caFile }),
  };
  return { request, tools: clients.fitting(serverMajor), clients, archive, target, signal };
}

/** A count that is running ends only when its session does; without this an abort would wait for it. */
async function stopCounting(monitor: Session, keeper: Session): Promise<void> {
  await monitor.query('SELECT pg_catalog.pg_terminate_backend($1)', [keeper.pid]).catch(() => undefined);
}

/** Fails as soon as the keeper is lost, and keeps its idle connection from being forgotten on the way. Returns when the signal aborts. */
async function stayAlive(keeper: Session, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // Aborting is the normal end.
    const pause = sleep(heartbeatMilliseconds, undefined, { signal }).catch(() => undefined);
    await Promise.race([pause, keeper.lost]);
    if (!signal.aborted) await keeper.query('SELECT');
  }
}

/** Merges the figures of all parties and passes them on once a second at most. */
function reporter(request: DumpRequest, tablesTotal: number): (news: Partial<DumpProgress>) => void {
  let state: DumpProgress = { storedBytes: 0, tablesCounted: 0, tablesTotal };
  let last = 0;
  return (news) => {
    state = { ...state, ...news };
    const now = Date.now();
    if (now - last < progressMilliseconds) return;
    last = now;
    request.onProgress(state);
  };
}
