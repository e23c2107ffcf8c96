import { attemptFolder } from '../attempt-folder.ts';
import { restoreScratchName } from '../../shared/domain/names.ts';
import { planNextAttempt } from '../../shared/domain/run-plan.ts';
import { attemptNumber } from '../../shared/domain/run-names.ts';
import { pointFolder } from '../../shared/domain/names.ts';
import type { RunClaim } from '../../shared/domain/records.ts';
import type { ActivityInput, ActivityOutput, BackupRun, RestoreRun } from '../contracts.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { loadVault } from './load-run.ts';
import { restoreDatasource } from './restore-target.ts';

type Needs = Pick<ActivityDependencies, 'catalog' | 'archive' | 'connections' | 'restoreTarget' | 'log'>;

/**
 * Compensation: takes the fence from an attempt, then removes what it wrote. An attempt that is being committed is left alone, and no other follows it. A
 * worker that is still alive notices within a heartbeat that it has lost the fence, and discards its own work too.
 */
export const createDiscardAttempt =
  (needs: Needs) =>
  async (input: ActivityInput<'discard-attempt'>): Promise<ActivityOutput<'discard-attempt'>> => {
    const { run, attemptId, failure, maxAttempts } = input;
    if (!(await needs.catalog.runs.fenceOff(run, attemptId))) return { removed: 0 };
    const removed = await discard(needs, input);
    const next = planNextAttempt(failure, attemptNumber(attemptId), maxAttempts);
    return next.retry ? { removed, retryAfterSeconds: next.afterSeconds } : { removed };
  };

async function discard(needs: Needs, { run, attemptId }: ActivityInput<'discard-attempt'>): Promise<number> {
  if (run.operation === 'Backup') return discardFolder(needs, run, attemptId);
  // Finished files are kept for the next attempt, which recognises them by their hash.
  return run.target.kind === 'files' ? 0 : dropScratch(needs, run, run.target, attemptId);
}

async function discardFolder(
  { catalog, archive }: Pick<Needs, 'catalog' | 'archive'>,
  run: BackupRun,
  attemptId: string,
): Promise<number> {
  const vault = await loadVault(catalog, run.instance);
  return archive.removeFolder(vault.container, attemptFolder(run, attemptId));
}

/**
 * What the attempts of a run that nobody carries on have written, but for one that is being committed. The fence is taken first. A
 * restore's scratch database needs its secret, which only the orchestration knew: it stays, under a name that says what it is.
 */
export async function discardLeftovers(
  { catalog, archive }: Pick<Needs, 'catalog' | 'archive'>,
  run: RunClaim,
): Promise<number> {
  const { attemptId, pointId } = run;
  if (attemptId === undefined || pointId === undefined) return 0;
  if (!(await catalog.runs.fenceOff(run, attemptId))) return 0;
  const { container } = await loadVault(catalog, run.instance);
  let removed = 0;
  for (let number = 1; number <= attemptNumber(attemptId); number++) {
    removed += await archive.removeFolder(container, pointFolder(run.instance.instanceName, pointId, `a${number}`));
  }
  return removed;
}

/** A target server that cannot be reached keeps the scratch database; its name says what it is, and the log says so. */
async function dropScratch(
  { connections, restoreTarget, log }: Pick<Needs, 'connections' | 'restoreTarget' | 'log'>,
  run: RestoreRun,
  target: Extract<RestoreRun['target'], { kind: 'database' }>,
  attemptId: string,
): Promise<number> {
  const scratch = restoreScratchName(run.jobId, attemptId);
  try {
    const connection = await connections.resolve(target.secretUri, restoreDatasource(target));
    await restoreTarget.dropScratch(connection, scratch);
    return 1;
  } catch (error) {
    log.error('the scratch database of a failed restore could not be dropped', error, { job: run.jobId, scratch });
    return 0;
  }
}
