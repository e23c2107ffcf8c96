import { VaultError } from '../../domain/errors.ts';
import type { ManifestPart } from '../../domain/manifest.ts';
import type { JobWarning } from '../../domain/records.ts';
import { expandFromArchive } from '../../pipeline/expand-from-archive.ts';
import type { ExpandedPart } from '../../pipeline/expand-from-archive.ts';
import type { ToolCommand } from '../../pipeline/guarded-process.ts';
import { ProcessFailure } from '../../pipeline/process-failure.ts';
import type { RestoreOutcome, RestoreRequest } from '../../ports.ts';
import type { ClientTools } from './clients.ts';
import type { PostgresAdapterOptions } from './dump-source.ts';
import { applyDatabaseProperties } from './database-properties.ts';
import { dropDatabase, withMaintenance } from './maintenance.ts';
import type { ServerAccess } from './maintenance.ts';
import { codeOf, namedError, safeDetail } from './pg-errors.ts';
import { databaseConninfo } from './quoting.ts';
import { compareCounts } from './restore-compare.ts';
import { judgeRestore } from './restore-stderr.ts';
import { createScratch, oidOf, renameDatabase } from './scratch-database.ts';
import { withSession } from './session.ts';
import { toolEnvironment } from './tool-environment.ts';

const progressMilliseconds = 1000;

interface Context {
  readonly request: RestoreRequest;
  readonly options: PostgresAdapterOptions;
  readonly access: ServerAccess;
  readonly part: ManifestPart;
}

/** One restore, from an empty scratch database to the visible one. See RestoreTarget.restore. */
export async function runRestore(request: RestoreRequest, options: PostgresAdapterOptions): Promise<RestoreOutcome> {
  const access: ServerAccess = {
    connection: request.connection,
    applicationName: `ltr-vault/${request.jobId}`.slice(0, 63),
    ...(options.clients.caFile === undefined ? {} : { caFile: options.clients.caFile }),
  };
  const part = request.report.parts.find((one) => one.kind === 'database');
  if (part === undefined) throw damaged(request, 'its report names no database part');
  const place = { connection: request.connection, database: request.targetDatabase, purpose: 'restore' as const };
  try {
    return await load({ request, options, access, part });
  } catch (error) {
    await removeScratch(request, options, access);
    request.signal.throwIfAborted();
    if (error instanceof ProcessFailure) throw damagedOrEnded(error, request);
    throw namedError(error, place);
  }
}

async function load(context: Context): Promise<RestoreOutcome> {
  const { request, access, part } = context;
  const { signal, scratchDatabase, report } = request;
  signal.throwIfAborted();
  request.onProgress({ restoredBytes: 0, phase: 'Create' });
  await dropDatabase(access, scratchDatabase);
  const created = await withMaintenance(access, async (session) => ({
    warnings: await createScratch(session, scratchDatabase, report.database),
    serverMajor: session.serverMajor,
    isSuperuser: session.isSuperuser,
  }));
  signal.throwIfAborted();
  const expanded = await expandIntoScratch(context, created);
  const warnings = [...created.warnings, ...judge(expanded, context)];
  request.onProgress({ restoredBytes: expanded.storedBytes, phase: 'Verify' });
  const tables = await analyseAndCompare(context);
  signal.throwIfAborted();
  warnings.push(...(await applyProperties(context)));
  const databaseOid = await withMaintenance(access, (session) => oidOf(session, scratchDatabase));
  if (databaseOid === undefined) throw new VaultError('UserErrorRestoreFailed', { detail: 'its database was dropped' });
  const outcome = { databaseOid, tables, restoredBytes: part.rawBytes, warnings };
  await request.beforeCommit(outcome);
  await withMaintenance(access, (session) => renameDatabase(session, scratchDatabase, request.targetDatabase, signal));
  request.onProgress({ restoredBytes: expanded.storedBytes, phase: 'Done' });
  return outcome;
}

function expandIntoScratch(
  { request, options, access, part }: Context,
  server: { serverMajor: number; isSuperuser: boolean },
): Promise<ExpandedPart> {
  const { clients, archive } = options;
  const writtenBy = Number.parseInt(request.report.tools.pgDump, 10);
  const tools = clients.fitting(server.serverMajor, writtenBy);
  const target = { ...access, ...server, database: request.scratchDatabase, purpose: 'restore' as const };
  let last = 0;
  return expandFromArchive({
    consumer: pgRestoreCommand(tools, request.scratchDatabase, toolEnvironment(target)),
    guard: clients.guard,
    zstd: clients.zstd,
    archive,
    container: request.container,
    name: request.folder + part.name,
    signal: request.signal,
    onProgress: (restoredBytes) => {
      if (Date.now() - last < progressMilliseconds) return;
      last = Date.now();
      request.onProgress({ restoredBytes, phase: 'Load' });
    },
  });
}

/**
 * Owners and privileges are tried: what a role may not set is reported, not silently dropped. No --exit-on-error for the same reason.
 * Known limits of loading from a stream, each ending in a named failure and never in a silent loss: an event trigger of the database
 * that forbids DDL also forbids REFRESH MATERIALIZED VIEW after it (before PostgreSQL 17, where event triggers are switched off for
 * superusers), and functions that rely on a search_path fail where constraints or generated columns call them.
 */
export function pgRestoreCommand(
  tools: ClientTools,
  database: string,
  env: Readonly<Record<string, string>>,
): ToolCommand {
  const args = ['--no-password', '--no-tablespaces', `--dbname=${databaseConninfo(database)}`];
  return { label: 'pg_restore', program: tools.pgRestore, args, env };
}

/** What could not be applied; throws when data may be missing or the bytes are not those that were saved. */
function judge(expanded: ExpandedPart, { request, part }: Context): JobWarning[] {
  const { consumer } = expanded;
  if (consumer.startError !== undefined) {
    throw new VaultError('UserErrorMissingClientTool', { tool: consumer.label }, { cause: consumer.startError });
  }
  if (expanded.complete && (expanded.sha256 !== part.sha256 || expanded.storedBytes !== part.storedBytes)) {
    throw damaged(request, `the bytes of ${part.name} are not those that were stored`);
  }
  if (consumer.signal !== null) {
    throw new VaultError('ToolEndedUnexpectedly', { tool: consumer.label, signal: consumer.signal });
  }
  const verdict = judgeRestore(consumer);
  if (verdict.fatal !== '') throw restoreFailure(verdict.fatal, request);
  if (!expanded.complete) throw damaged(request, `${part.name} ended before it was read to its end`);
  return [...verdict.warnings];
}

function restoreFailure(fatal: string, request: RestoreRequest): VaultError {
  if (/server closed the connection|terminating connection|connection to server was lost/.test(fatal)) {
    return new VaultError('UserErrorServerConnectionClosed');
  }
  if (/could not read from input file|valid archive|could not uncompress/.test(fatal)) return damaged(request, fatal);
  return new VaultError('UserErrorRestoreFailed', { detail: safeDetail(fatal, request.connection) });
}

async function analyseAndCompare({ request, access }: Context): Promise<RestoreOutcome['tables']> {
  const options = { ...access, database: request.scratchDatabase, purpose: 'restore' as const };
  return withSession(options, async (session) => {
    const stop = (): void => {
      // ANALYZE and counts end only when their session does. It may have ended by itself.
      const terminate = (other: typeof session): Promise<unknown> =>
        other.query('SELECT pg_catalog.pg_terminate_backend($1)', [session.pid]);
      void withMaintenance(access, terminate).catch(() => undefined);
    };
    request.signal.addEventListener('abort', stop, { once: true });
    try {
      await session.query('ANALYZE');
      const { tables, fault } = await compareCounts(session, request.report.tables, {
        signal: request.signal,
        onCounted: () => undefined,
      });
      if (fault !== '')
        throw new VaultError('UserErrorRestoreIncomplete', { detail: safeDetail(fault, request.connection) });
      return tables;
    } finally {
      request.signal.removeEventListener('abort', stop);
    }
  });
}

async function applyProperties({ request, access }: Context): Promise<JobWarning[]> {
  const { databaseProperties } = request.report;
  if (databaseProperties === undefined) return [];
  return withMaintenance(access, (session) =>
    applyDatabaseProperties(session, request.scratchDatabase, databaseProperties),
  );
}

function damaged(request: RestoreRequest, detail: string): VaultError {
  return new VaultError('UserErrorRecoveryPointDamaged', { point: request.folder.replace(/\/$/, ''), detail });
}

/** zstd is the only process whose failure ends the pipeline itself: it checks the frame's own checksum. */
function damagedOrEnded(failure: ProcessFailure, request: RestoreRequest): VaultError {
  const { end } = failure;
  const tool = end.label;
  if (end.startError !== undefined) return new VaultError('UserErrorMissingClientTool', { tool }, { cause: failure });
  const text = end.stderr.join('\n');
  if (/corrupt|decod|unsupported format|premature|unexpected end|checksum|magic/i.test(text)) {
    return damaged(request, 'its compressed bytes cannot be expanded');
  }
  const signal = end.signal ?? `exit code ${String(end.exitCode)}`;
  return new VaultError('ToolEndedUnexpectedly', { tool, signal }, { cause: failure });
}

async function removeScratch(
  request: RestoreRequest,
  options: PostgresAdapterOptions,
  access: ServerAccess,
): Promise<void> {
  try {
    await dropDatabase(access, request.scratchDatabase);
  } catch (error) {
    // The failure of the restore is the one to show; dropScratch is called again for lost attempts.
    options.log.error('could not drop the scratch database', error, { code: codeOf(error) });
  }
}
