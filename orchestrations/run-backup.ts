import type { OrchestrationContext } from 'durable-functions';
import { awaitAdmission, checkTries, deadlineOf, inAttempts, insist, runGuarded } from './attempts.ts';
import type { BackupRun, Durable, RunLimits, RunOutcome } from './contracts.ts';
import { failureError, failureOf } from './failures.ts';
import type { NotRun } from './run-outcome.ts';
import { outcomeOf } from './run-outcome.ts';

/**
 * One backup of one database: open -> check -> wait for a place -> dump -> commit -> close. The job is closed whatever happens in
 * between; a run that was not let in (another holds the instance) has been recorded by open-backup.
 */
export function* runBackup(context: OrchestrationContext): Durable<unknown> {
  const run = context.df.getInput<BackupRun>();
  const outcome = yield* openAndBackUp(context, run);
  if (outcome.status !== 'NotRun') yield* insist(context, 'close-run', { run, outcome });
  return { status: outcome.status };
}

function* openAndBackUp(context: OrchestrationContext, run: BackupRun): Durable<RunOutcome | NotRun> {
  try {
    const opened = yield* insist(context, 'open-backup', run);
    return opened.proceed ? yield* backUp(context, run, opened.limits) : { status: 'NotRun' };
  } catch (error) {
    return outcomeOf(failureOf(error));
  }
}

function* backUp(context: OrchestrationContext, run: BackupRun, limits: RunLimits): Durable<RunOutcome> {
  const deadline = deadlineOf(context, limits.deadlineHours);
  const { server } = yield* insist(context, 'check-source', run, checkTries);
  yield* awaitAdmission(context, run, server, deadline);
  yield* inAttempts(context, run, limits.maxAttempts, function* (attemptId) {
    yield* runGuarded(context, 'dump-database', { run, attemptId }, deadline);
    yield* commit(context, run, attemptId);
  });
  return { status: 'Completed' };
}

/** Once begun, a commit is only ever finished, here or never: nobody discards the attempt any more, and no other may follow it. */
function* commit(context: OrchestrationContext, run: BackupRun, attemptId: string): Durable<void> {
  try {
    yield* insist(context, 'commit-recovery-point', { run, attemptId });
  } catch (error) {
    throw failureError({ ...failureOf(error), retryable: false });
  }
}
