import type { OrchestrationContext } from 'durable-functions';
import { awaitAdmission, checkTries, deadlineOf, inAttempts, insist, runGuarded } from './attempts.ts';
import type { Durable, RestoreRun, RunLimits, RunOutcome } from './contracts.ts';
import { failureOf } from './failures.ts';
import type { NotRun } from './run-outcome.ts';
import { outcomeOf } from './run-outcome.ts';

/** One restore, as a database or as files: open -> check the target -> wait for a place -> restore -> close. */
export function* runRestore(context: OrchestrationContext): Durable<unknown> {
  const run = context.df.getInput<RestoreRun>();
  const outcome = yield* openAndRestore(context, run);
  if (outcome.status !== 'NotRun') yield* insist(context, 'close-run', { run, outcome });
  return { status: outcome.status };
}

function* openAndRestore(context: OrchestrationContext, run: RestoreRun): Durable<RunOutcome | NotRun> {
  try {
    const opened = yield* insist(context, 'open-restore', run);
    return opened.proceed ? yield* restore(context, run, opened.limits) : { status: 'NotRun' };
  } catch (error) {
    return outcomeOf(failureOf(error));
  }
}

function* restore(context: OrchestrationContext, run: RestoreRun, limits: RunLimits): Durable<RunOutcome> {
  const deadline = deadlineOf(context, limits.deadlineHours);
  const { server } = yield* insist(context, 'check-restore-target', run, checkTries);
  if (server !== undefined) yield* awaitAdmission(context, run, server, deadline);
  const warnings = yield* inAttempts(context, run, limits.maxAttempts, function* (attemptId) {
    if (run.target.kind === 'files') {
      yield* runGuarded(context, 'restore-files', { run, attemptId }, deadline);
      return 0;
    }
    const restored = yield* runGuarded(context, 'restore-database', { run, attemptId }, deadline);
    return restored.warnings;
  });
  return { status: warnings > 0 ? 'CompletedWithWarnings' : 'Completed' };
}
