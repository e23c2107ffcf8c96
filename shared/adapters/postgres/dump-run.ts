import { setTimeout as sleep } from 'node:timers/promises';
import type { DumpReport } from '../../domain/manifest.ts';
import { ProcessFailure } from '../../pipeline/process-failure.ts';
import type { ArchiveStore, DumpRequest } from '../../ports.ts';
import { dumpFailure } from './dump-errors.ts';
import type { StagedPart } from './dump-parts.ts';
import type { PostgresAdapterOptions } from './dump-source.ts';
import { applicationName, dumpUnderSnapshot } from './dump-under-snapshot.ts';
import type { Sessions } from './dump-under-snapshot.ts';
import { namedError } from './pg-errors.ts';
import type { ErrorPlace } from './pg-errors.ts';
import { openSession } from './session.ts';

/** One dump from opening the sessions to committed blobs. See DumpSource.dump. */
export async function runDump(request: DumpRequest, options: PostgresAdapterOptions): Promise<DumpReport> {
  const deadline = Date.now() + request.lockWaitSeconds * 1000;
  for (;;) {
    try {
      return await tryDump(request, options);
    } catch (error) {
      // pg_dump takes all its locks before it reads a row. When it met a schema change that had queued behind our keeper, all three
      // would wait for each other; the keeper has let go, the change has gone through, and nothing is lost but a moment.
      if (!metQueuedChange(error) || Date.now() >= deadline) throw nameFailure(error, request, options);
      await sleep(200 + Math.random() * 800, undefined, { signal: request.signal });
    }
  }
}

async function tryDump(request: DumpRequest, options: PostgresAdapterOptions): Promise<DumpReport> {
  const staged: StagedPart[] = [];
  try {
    return await withSessions(request, options, (sessions) => dumpUnderSnapshot(request, options, sessions, staged));
  } catch (error) {
    await throwAway(staged, request, options);
    request.signal.throwIfAborted();
    throw error;
  }
}

function metQueuedChange(error: unknown): boolean {
  return (
    error instanceof ProcessFailure &&
    /canceling statement due to statement timeout[^]*LOCK TABLE/.test(error.end.stderr.join('\n'))
  );
}

function nameFailure(error: unknown, request: DumpRequest, { log }: PostgresAdapterOptions): unknown {
  const { connection, lockWaitSeconds, signal } = request;
  if (signal.aborted) return signal.reason;
  const place: ErrorPlace = { connection, database: connection.database, purpose: 'dump' };
  if (!(error instanceof ProcessFailure)) return namedError(error, place);
  const { label: tool, exitCode, signal: endSignal } = error.end;
  log.warn('a tool failed', { tool, exitCode, signal: endSignal });
  return dumpFailure(error.end, place, lockWaitSeconds);
}

async function withSessions<T>(
  request: DumpRequest,
  { clients }: PostgresAdapterOptions,
  work: (sessions: Sessions) => Promise<T>,
): Promise<T> {
  const { connection } = request;
  const how = {
    connection,
    database: connection.database,
    applicationName: applicationName(request),
    purpose: 'dump' as const,
    ...(clients.caFile === undefined ? {} : { caFile: clients.caFile }),
  };
  request.signal.throwIfAborted();
  const monitor = await openSession(how);
  try {
    const keeper = await openSession(how);
    try {
      return await work({ keeper, monitor });
    } catch (error) {
      // Closing a socket does not stop a count that is running on the server. The session may be gone already.
      await monitor.query('SELECT pg_catalog.pg_terminate_backend($1)', [keeper.pid]).catch(() => undefined);
      throw error;
    } finally {
      await keeper.end();
    }
  } finally {
    await monitor.end();
  }
}

/** Nothing of a failed dump may stay: blocks are discarded, and what was committed before a later commit failed is removed. */
async function throwAway(
  staged: readonly StagedPart[],
  request: DumpRequest,
  { archive, log }: { archive: ArchiveStore; log: PostgresAdapterOptions['log'] },
): Promise<void> {
  const outcomes: PromiseSettledResult<unknown>[] = await Promise.allSettled(
    staged.map((part) => part.staged.discard()),
  );
  if (staged.length > 0) {
    outcomes.push(...(await Promise.allSettled([archive.removeFolder(request.container, request.folder)])));
  }
  for (const outcome of outcomes) {
    // Not visible without a manifest; the sweep of abandoned folders tries again.
    if (outcome.status === 'rejected')
      log.error('could not discard a part', outcome.reason, { folder: request.folder });
  }
}
