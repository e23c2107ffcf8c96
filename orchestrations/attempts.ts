import type { OrchestrationContext, Task } from 'durable-functions';
import { VaultError } from '../shared/domain/errors.ts';
import type { ActivityInput, ActivityName, ActivityOutput, BackupRun, Durable, RestoreRun } from './contracts.ts';
import { cancelEvent, lostEvent } from './contracts.ts';
import { failureError, failureOf } from './failures.ts';

/** Activities that hold the fence of an attempt, for minutes or hours. */
type LongActivity = 'dump-database' | 'restore-database' | 'restore-files';

const failure = (...args: ConstructorParameters<typeof VaultError>): Error =>
  failureError(new VaultError(...args).toRecord());

/** The end of a run's time. */
interface Deadline {
  at: Date;
  hours: number;
}

/** A short activity that has not answered for this long never will: its host was restarted in process (DURABLE-FACTS 4.7). */
const answerSeconds = 600;

/** Tries of what somebody waits for: enough for a lost worker and a connection that broke, few enough to be told soon. */
export const checkTries = 3;

/**
 * Calls an idempotent activity again while it fails for a reason that may pass, or does not answer; ten tries take some eight
 * minutes. What opens, commits and closes a run must not be lost to a moment's trouble with the store.
 */
export function* insist<N extends Exclude<ActivityName, LongActivity>>(
  context: OrchestrationContext,
  name: N,
  input: ActivityInput<N>,
  maxTries = 10,
): Durable<ActivityOutput<N>> {
  for (let tries = 1; ; tries++) {
    try {
      return yield* callUntil(context, name, input, later(context, answerSeconds), failure('AttemptLost'));
    } catch (error) {
      const record = failureOf(error);
      if (!record.retryable || tries >= maxTries) throw failureError(record);
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
  { at, hours }: Deadline,
): Durable<ActivityOutput<N>> {
  const lost = context.df.waitForExternalEvent(lostEvent(input.attemptId));
  return yield* callUntil(context, name, input, at, failure('BackupDeadlineExceeded', { hours }), lost);
}

/** Calls an activity, and stops waiting for it at a moment, or when it is said to be lost. Its late answer is ignored. */
function* callUntil<N extends ActivityName>(
  context: OrchestrationContext,
  name: N,
  input: ActivityInput<N>,
  until: Date,
  tooLate: Error,
  lost?: Task,
): Durable<ActivityOutput<N>> {
  const work = context.df.callActivity(name, input);
  const timer = context.df.createTimer(until);
  const first = yield context.df.Task.any(lost ? [work, lost, timer] : [work, timer]);
  // An orchestration does not end while one of its timers is open.
  if (!timer.isCompleted) timer.cancel();
  if (first === lost) throw failure('AttemptLost');
  if (first === timer) throw tooLate;
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
  deadline: Deadline,
): Durable<void> {
  const cancelled = context.df.waitForExternalEvent(cancelEvent);
  for (let round = 0; ; round++) {
    const turn = yield* insist(context, 'admit-run', { run, server });
    if (turn.admitted) return;
    if (turn.cancelledBy !== undefined) throw failure('UserErrorOperationCancelled', { by: turn.cancelledBy });
    if (context.df.currentUtcDateTime >= deadline.at) {
      throw failure('UserErrorMaxConcurrentOperationLimitReached', {
        operation: run.operation,
        limit: turn.full ?? '',
      });
    }
    yield* pauseUnlessCancelled(context, Math.min(5 * 2 ** round, 300), cancelled);
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
      const next = yield* discard(context, { run, attemptId, failure: record, maxAttempts });
      if (next.retryAfterSeconds === undefined) throw failureError(record);
      yield* pauseUnlessCancelled(context, next.retryAfterSeconds, context.df.waitForExternalEvent(cancelEvent));
    }
  }
}

/** The event only wakes: whoever goes on reads in the run's row that it was cancelled. */
function* pauseUnlessCancelled(context: OrchestrationContext, seconds: number, cancelled: Task): Durable<void> {
  const timer = context.df.createTimer(later(context, seconds));
  yield context.df.Task.any([timer, cancelled]);
  if (!timer.isCompleted) timer.cancel();
}

/** An attempt that cannot be discarded is not followed by another, and the run keeps the reason why the attempt failed. */
function* discard(
  context: OrchestrationContext,
  input: ActivityInput<'discard-attempt'>,
): Durable<{ retryAfterSeconds?: number }> {
  try {
    return yield* insist(context, 'discard-attempt', input);
  } catch {
    // Logged where it was thrown, with every try.
    return {};
  }
}

const later = (context: OrchestrationContext, seconds: number): Date =>
  new Date(context.df.currentUtcDateTime.getTime() + seconds * 1000);

export const deadlineOf = (context: OrchestrationContext, hours: number): Deadline => ({
  at: later(context, hours * 3600),
  hours,
});
