import type { OrchestrationContext } from 'durable-functions';
import { awaitAdmission, deadlineOf, inAttempts, runGuarded } from './attempts.ts';
import type { Durable, RestoreRun, RunLimits, RunOutcome } from './contracts.ts';
import { call } from './contracts.ts';
import { failureOf } from './failures.ts';
import { outcomeOf } from './run-outcome.ts';

/** One restore, as a database or as files: open -> check the target -> wait for a place -> restore -> close. */
export function* runRestore(context: OrchestrationContext): Durable<unknown> {
  const run = context.df.getInput<RestoreRun>();
  const opened = yield* call(context, 'open-restore', run);
  if (!opened.proceed) return { status: 'NotRun', reason: opened.reason };
  const outcome = yield* restore(context, run, opened.limits);
  yield* call(context, 'close-run', { run, outcome });
  return { status: outcome.status };
}

function* restore(context: OrchestrationContext, run: RestoreRun, limits: RunLimits): Durable<RunOutcome> {
  const deadline = deadlineOf(context, limits.deadlineHours);
  try {
    const { server } = yield* call(context, 'check-restore-target', run);
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
  } catch (error) {
    return outcomeOf(failureOf(error));
  }
}
