import { randomUUID } from 'node:crypto';
import { VaultError } from '../../shared/domain/errors.ts';
import type { Job } from '../../shared/domain/records.ts';
import type { BackupRun, RestoreRun } from '../contracts.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** What the holder of an attempt works with. */
export interface Hold {
  /** Aborted with AttemptLost when the fence is lost, with UserErrorOperationCancelled when somebody cancels. */
  readonly signal: AbortSignal;
  /** Throws unless this execution still holds the fence; call right before anything becomes visible. */
  assertHeld(): Promise<void>;
  /** Change to the job row, written with the next heartbeat; only the latest is. */
  report(change: (job: Job) => Job): void;
}

const beatMilliseconds = 3000;
/** Others take us for dead after watch-runs' limit, so stop before that when the store cannot be reached. */
const silenceMilliseconds = 60_000;

type Needs = Pick<ActivityDependencies, 'catalog' | 'clock' | 'log'>;

/**
 * Runs `work` while holding the fence of one attempt. Durable runs an activity at least once, and the first run may still be
 * alive: only the execution whose id is in the run's row may write. Heartbeats keep the row alive and carry the cancel request back.
 * @throws AttemptLost when this is a rerun of an attempt that was begun before, or when the fence is lost on the way
 */
export async function holdAttempt<T>(
  { catalog, clock, log }: Needs,
  run: BackupRun | RestoreRun,
  attemptId: string,
  work: (hold: Hold) => Promise<T>,
): Promise<T> {
  const executionId = randomUUID();
  if (!(await catalog.runs.takeFence(run, attemptId, executionId, clock().toISOString()))) {
    throw new VaultError('AttemptLost');
  }
  const controller = new AbortController();
  let pending: ((job: Job) => Job) | undefined;
  let lastBeat = clock().getTime();

  const beat = async (): Promise<void> => {
    const { held, cancelledBy } = await catalog.runs.heartbeat(run, executionId, clock().toISOString());
    if (!held) throw new VaultError('AttemptLost');
    if (cancelledBy !== undefined) throw new VaultError('UserErrorOperationCancelled', { by: cancelledBy });
    lastBeat = clock().getTime();
    const change = pending;
    pending = undefined;
    if (change) await catalog.jobs.update(run.instance, run.jobId, change);
  };
  const beatAndJudge = async (): Promise<void> => {
    try {
      await beat();
    } catch (error) {
      const stop = error instanceof VaultError && ['AttemptLost', 'UserErrorOperationCancelled'].includes(error.code);
      if (stop) controller.abort(error);
      else if (clock().getTime() - lastBeat > silenceMilliseconds)
        controller.abort(new VaultError('AttemptLost', {}, { cause: error }));
      else log.warn('heartbeat failed, will be repeated', { job: run.jobId, attempt: attemptId });
    }
  };

  const done = new AbortController();
  const beating = keepBeating(beatAndJudge, done.signal, controller.signal);
  try {
    // Somebody may have cancelled since the run was admitted: then nothing is begun.
    await beat();
    const result = await work({
      signal: controller.signal,
      assertHeld: beat,
      report: (change) => {
        pending = change;
      },
    });
    controller.signal.throwIfAborted();
    return result;
  } catch (error) {
    // Whatever broke after the abort broke because of it.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    done.abort();
    await beating;
  }
}

/** One beat after another, never two at once, until the work is done or given up. */
async function keepBeating(beat: () => Promise<void>, ...ends: AbortSignal[]): Promise<void> {
  const end = AbortSignal.any(ends);
  while (!end.aborted) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(finish, beatMilliseconds);
      function finish(): void {
        clearTimeout(timer);
        end.removeEventListener('abort', finish);
        resolve();
      }
      end.addEventListener('abort', finish);
    });
    if (!end.aborted) await beat();
  }
}
