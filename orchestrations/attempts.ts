import type { OrchestrationContext } from 'durable-functions';
import { VaultError } from '../shared/domain/errors.ts';
import type { ActivityInput, ActivityName, ActivityOutput, BackupRun, Durable, RestoreRun } from './contracts.ts';
import { call, cancelEvent, lostEvent } from './contracts.ts';
import { failureError, failureOf } from './failures.ts';

/** Activities that hold the fence of an attempt, for minutes or hours. */
type LongActivity = 'dump-database' | 'restore-database' | 'restore-files';

const failure = (...args: ConstructorParameters<typeof VaultError>): Error =>
  failureError(new VaultError(...args).toRecord());

/**
 * Calls an idempotent activity again while it fails for a reason that may pass, some eight minutes in all: what opens, commits and
 * closes a run must not be lost to a moment's trouble with the store.
 */
export function* insist<N extends Exclude<ActivityName, LongActivity>>(
  context: OrchestrationContext,
  name: N,
  input: ActivityInput<N>,
): Durable<ActivityOutput<N>> {
  for (let tries = 1; ; tries++) {
    try {
      return yield* call(context, name, input);
    } catch (error) {
      const record = failureOf(error);
      if (!record.retryable || tries >= 10) throw failureError(record);
      yield context.df.createTimer(later(context, Math.min(2 ** tries, 120)));
    }
  }
}

/**
 * Runs a long activity under its own deadline. Durable neither fails nor reruns an activity whose host was restarted in process
 * (DURABLE-FACTS 4.7), so the watchdog, which sees the heartbeats, says when the worker is lost; no polling fills the history.
 * @throws the activity's failure, AttemptLost, or BackupDeadlineExceeded
 */
export function* runGuarded<N extends LongActivity>(
  context: OrchestrationContext,
  name: N,
  input: ActivityInput<N>,
  deadline: Date,
): Durable<ActivityOutput<N>> {
  const work = context.df.callActivity(name, input);
  const lost = context.df.waitForExternalEvent(lostEvent(input.attemptId));
  const timer = context.df.createTimer(deadline);
  const first = yield context.df.Task.any([work, lost, timer]);
  // An orchestration does not end while one of its timers is open.
  if (!timer.isCompleted) timer.cancel();
  if (first === lost) throw failure('AttemptLost');
  if (first === timer) throw failure('BackupDeadlineExceeded', { hours: hoursBetween(context, deadline) });
  if (work.isFaulted) throw work.result as Error;
  return work.result as ActivityOutput<N>;
}

/**
 * Waits for a place under the caps of the vault and of the database server. The pause grows, so that a day of waiting stays a
 * short history; a cancel wakes it.
 */
export function* awaitAdmission(
  context: OrchestrationContext,
  run: BackupRun | RestoreRun,
  server: string,
  deadline: Date,
): Durable<void> {
  const cancelled = context.df.waitForExternalEvent(cancelEvent);
  for (let round = 0; ; round++) {
    const turn = yield* call(context, 'admit-run', { run, server });
    if (turn.admitted) return;
    if (turn.cancelledBy !== undefined) throw failure('UserErrorOperationCancelled', { by: turn.cancelledBy });
    if (context.df.currentUtcDateTime >= deadline) {
      throw failure('UserErrorMaxConcurrentOperationLimitReached', {
        operation: run.operation,
        limit: turn.full ?? '',
      });
    }
    const timer = context.df.createTimer(later(context, Math.min(5 * 2 ** round, 120)));
    yield context.df.Task.any([timer, cancelled]);
    if (!timer.isCompleted) timer.cancel();
  }
}

/**
 * Tries up to `maxAttempts` times, each under an attempt id of its own. What an attempt wrote is discarded before the next begins.
 * @throws the failure of the last attempt, or the first that is not retryable
 */
export function* inAttempts<T>(
  context: OrchestrationContext,
  run: BackupRun | RestoreRun,
  maxAttempts: number,
  attempt: (attemptId: string) => Durable<T>,
): Durable<T> {
  for (let number = 1; ; number++) {
    const attemptId = `a${number}`;
    try {
      return yield* attempt(attemptId);
    } catch (error) {
      const record = failureOf(error);
      const next = yield* insist(context, 'discard-attempt', {
        run,
        attemptId,
        failure: record,
        maxAttempts,
      });
      if (next.retryAfterSeconds === undefined) throw failureError(record);
      yield context.df.createTimer(later(context, next.retryAfterSeconds));
    }
  }
}

const later = (context: OrchestrationContext, seconds: number): Date =>
  new Date(context.df.currentUtcDateTime.getTime() + seconds * 1000);

const hoursBetween = (context: OrchestrationContext, deadline: Date): number =>
  Math.round((deadline.getTime() - context.df.currentUtcDateTime.getTime()) / 3_600_000);

export const deadlineOf = (context: OrchestrationContext, hours: number): Date => later(context, hours * 3600);
