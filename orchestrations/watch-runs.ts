import type { Catalog } from '../shared/catalog/catalog.ts';
import { VaultError } from '../shared/domain/errors.ts';
import type { RunClaim } from '../shared/domain/records.ts';
import { isStale } from '../shared/domain/run-plan.ts';
import type { ArchiveStore, Clock, Log } from '../shared/ports.ts';
import { closeRun } from './activities/close-run.ts';
import { discardLeftovers } from './activities/discard-attempt.ts';
import type { RunOutcome } from './contracts.ts';
import { lostEvent } from './contracts.ts';
import type { OrchestrationStarter } from './starter.ts';

interface Needs {
  readonly catalog: Catalog;
  readonly archive: ArchiveStore;
  readonly starter: OrchestrationStarter;
  readonly clock: Clock;
  readonly log: Log;
}

/** A worker beats every few seconds; after this long without one it is taken for dead. */
const staleSeconds = 90;
/** The event is only a wake-up, and may be lost: say it again. */
const repeatMilliseconds = 300_000;

/**
 * One tick of the watchdog: no job stays in progress without a heartbeat. A run whose worker is silent is told so, and its
 * orchestration makes a new attempt; a run whose orchestration has ended without closing it is closed here, and what it left removed.
 */
export async function watchRuns(needs: Needs): Promise<{ lost: number; closed: number }> {
  const tally = { lost: 0, closed: 0 };
  const now = needs.clock().getTime();
  for (const run of await needs.catalog.runs.active()) {
    if (!isStale(run, new Date(now).toISOString(), staleSeconds)) continue;
    try {
      const state = await needs.starter.state(run.orchestrationId);
      if (state === 'running') tally.lost += await signalLost(needs, run, now);
      else tally.closed += await closeOrphan(needs, run);
    } catch (error) {
      // The next tick tries again; one run must not hide the others.
      needs.log.error('a silent run could not be looked after', error, { job: run.jobId });
    }
  }
  return tally;
}

async function signalLost({ catalog, starter, log }: Needs, run: RunClaim, now: number): Promise<number> {
  const { attemptId } = run;
  if (attemptId === undefined || attemptId.endsWith('-off')) return 0;
  if (run.lostSignalledAt !== undefined && now - Date.parse(run.lostSignalledAt) < repeatMilliseconds) return 0;
  log.warn('the worker of a run is silent', { job: run.jobId, attempt: attemptId, since: run.heartbeatAt });
  await starter.raise(run.orchestrationId, lostEvent(attemptId));
  await catalog.runs.update(run, (current) => ({ ...current, lostSignalledAt: new Date(now).toISOString() }));
  return 1;
}

async function closeOrphan({ catalog, archive, clock, log }: Needs, run: RunClaim): Promise<number> {
  log.warn('a run has no orchestration any more', { job: run.jobId, orchestration: run.orchestrationId });
  // The orchestration may have ended between the commit and the close: what is visible was a success.
  const job = await catalog.jobs.get(run.instance, run.jobId);
  if (job?.value.targetPoint === undefined) await discardLeftovers({ catalog, archive }, run);
  const lost: RunOutcome = { status: 'Failed', error: new VaultError('AttemptLost').toRecord() };
  await closeRun({ catalog, clock }, run, job?.value.targetPoint === undefined ? lost : { status: 'Completed' });
  return 1;
}
