import type { OrchestrationContext } from 'durable-functions';
import { awaitAdmission, deadlineOf, inAttempts, runGuarded } from './attempts.ts';
import type { BackupRun, Durable, RunLimits, RunOutcome } from './contracts.ts';
import { call } from './contracts.ts';
import { failureError, failureOf } from './failures.ts';
import { outcomeOf } from './run-outcome.ts';

/**
 * One backup of one database: open -> check -> wait for a place -> dump -> commit -> close. The job is closed whatever happens in
 * between; a run that was not let in (another holds the instance) has been recorded by open-backup.
 */
export function* runBackup(context: OrchestrationContext): Durable<unknown> {
  const run = context.df.getInput<BackupRun>();
  const opened = yield* call(context, 'open-backup', run);
  if (!opened.proceed) return { status: 'NotRun', reason: opened.reason };
  const outcome = yield* backUp(context, run, opened.limits);
  yield* call(context, 'close-run', { run, outcome });
  return { status: outcome.status };
}

function* backUp(context: OrchestrationContext, run: BackupRun, limits: RunLimits): Durable<RunOutcome> {
  const deadline = deadlineOf(context, limits.deadlineHours);
  try {
    const { server } = yield* call(context, 'check-source', run);
    yield* awaitAdmission(context, run, server, deadline);
    yield* inAttempts(context, run, limits.maxAttempts, function* (attemptId) {
      yield* runGuarded(context, 'dump-database', { run, attemptId }, deadline);
      yield* commit(context, run, attemptId);
    });
    return { status: 'Completed' };
  } catch (error) {
    return outcomeOf(failureOf(error));
  }
}

/** Once begun, a commit is only ever finished: it is idempotent, and nobody discards the attempt any more. */
function* commit(context: OrchestrationContext, run: BackupRun, attemptId: string): Durable<void> {
  for (let tries = 1; ; tries++) {
    try {
      yield* call(context, 'commit-recovery-point', { run, attemptId });
      return;
    } catch (error) {
      const record = failureOf(error);
      if (!record.retryable || tries >= 5) throw failureError({ ...record, retryable: false });
      yield context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + tries * 5000));
    }
  }
}
