import { VaultError } from '../../shared/domain/errors.ts';
import { finishTask, startTask } from '../../shared/domain/job-transitions.ts';
import { restoreScratchName } from '../../shared/domain/names.ts';
import type { ActivityInput, ActivityOutput } from '../contracts.ts';
import { progressOf, restoreTask } from '../job-tasks.ts';
import { attemptNumber } from '../../shared/domain/run-names.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { holdAttempt } from './held-attempt.ts';
import { loadManifest, restoreDatasource } from './restore-target.ts';

type Needs = Pick<ActivityDependencies, 'catalog' | 'archive' | 'connections' | 'restoreTarget' | 'clock' | 'log'>;

/**
 * Restores into a scratch database of this attempt's own, compares it with the manifest, and only then gives it the wanted name: a
 * half restored database never stands under it. What could not be applied is listed on the job by name.
 */
export const createRestoreDatabase =
  ({ catalog, archive, connections, restoreTarget, clock, log }: Needs) =>
  ({ run, attemptId }: ActivityInput<'restore-database'>): Promise<ActivityOutput<'restore-database'>> =>
    holdAttempt({ catalog, clock, log }, run, attemptId, async (hold) => {
      const { target } = run;
      if (target.kind !== 'database') throw new VaultError('InternalServerError', { correlationId: run.jobId });
      const { point, manifest } = await loadManifest({ catalog, archive }, run);
      const connection = await connections.resolve(target.secretUri, restoreDatasource(target));
      const now = (): string => clock().toISOString();
      await catalog.jobs.update(run.instance, run.jobId, (job) => ({
        ...startTask(job, restoreTask.restore, now()),
        attempts: attemptNumber(attemptId),
      }));
      const outcome = await restoreTarget.restore({
        connection,
        jobId: run.jobId,
        targetDatabase: target.database,
        scratchDatabase: restoreScratchName(run.jobId, attemptId),
        report: manifest,
        container: point.container,
        folder: point.folder,
        signal: hold.signal,
        beforeCommit: () => hold.assertHeld(),
        onProgress: ({ restoredBytes, phase }) => {
          const details = { DataTransferredInBytes: String(restoredBytes), Phase: phase };
          const facts = { bytesTransferred: restoredBytes, heartbeatAt: now() };
          hold.report((job) => progressOf(job, restoreTask.restore, details, facts));
        },
      });
      const rows = outcome.tables.reduce((sum, table) => sum + table.rows, 0);
      await catalog.jobs.update(run.instance, run.jobId, (job) => ({
        ...finishTask(job, restoreTask.restore, now(), {
          DataTransferredInBytes: String(outcome.restoredBytes),
          TablesVerified: String(outcome.tables.length),
          RowsVerified: String(rows),
          Phase: 'done',
        }),
        bytesTransferred: outcome.restoredBytes,
        warnings: outcome.warnings,
      }));
      return { tables: outcome.tables.length, warnings: outcome.warnings.length };
    });
