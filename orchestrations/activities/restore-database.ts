import { VaultError } from '../../shared/domain/errors.ts';
import { finishTask, startTask } from '../../shared/domain/job-transitions.ts';
import { restoreScratchName } from '../../shared/domain/names.ts';
import type { Job } from '../../shared/domain/records.ts';
import type { Connection, RestoreOutcome } from '../../shared/ports.ts';
import type { ActivityInput, ActivityOutput, RestoreRun } from '../contracts.ts';
import { progressOf, restoreTask } from '../job-tasks.ts';
import { attemptNumber } from '../../shared/domain/run-names.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { holdAttempt } from './held-attempt.ts';
import { loadManifest, restoreDatasource } from './restore-target.ts';

type Needs = Pick<ActivityDependencies, 'catalog' | 'archive' | 'connections' | 'restoreTarget' | 'clock' | 'log'>;

/**
 * Restores into a scratch database of this attempt's own, compares it with the manifest, and only then gives it the wanted name: a
 * half restored database never stands under it. What was verified, and what could not be applied by name, is on the job before the
 * rename; so a next attempt that finds the renamed database of a lost one has nothing left to do.
 */
export const createRestoreDatabase =
  (needs: Needs) =>
  ({ run, attemptId }: ActivityInput<'restore-database'>): Promise<ActivityOutput<'restore-database'>> =>
    holdAttempt(needs, run, attemptId, async (hold) => {
      const { catalog, archive, connections, restoreTarget, clock } = needs;
      const { target } = run;
      if (target.kind !== 'database') throw new VaultError('InternalServerError', { correlationId: run.jobId });
      const { point, manifest } = await loadManifest({ catalog, archive }, run);
      const connection = await connections.resolve(target.secretUri, restoreDatasource(target));
      const finished = await finishedBefore(needs, run, connection, target.database);
      if (finished) return finished;
      const now = (): string => clock().toISOString();
      await catalog.jobs.update(run.instance, run.jobId, (job) => ({
        ...startTask(job, restoreTask.restore, now()),
        attempts: attemptNumber(attemptId),
      }));
      const { tables, warnings } = await restoreTarget.restore({
        connection,
        jobId: run.jobId,
        targetDatabase: target.database,
        scratchDatabase: restoreScratchName(run.jobId, attemptId),
        report: manifest,
        container: point.container,
        folder: point.folder,
        signal: hold.signal,
        beforeCommit: async (outcome) => {
          await catalog.jobs.update(run.instance, run.jobId, (job) => verified(job, outcome, now()));
          await hold.assertHeld();
          const marked = await catalog.runs.markRenaming(run, attemptId, outcome.databaseOid);
          if (!marked) throw new VaultError('AttemptLost');
        },
        onProgress: ({ restoredBytes, phase }) => {
          const details = { DataTransferredInBytes: String(restoredBytes), Phase: phase };
          const facts = { bytesTransferred: restoredBytes, heartbeatAt: now() };
          hold.report((job) => progressOf(job, restoreTask.restore, details, facts));
        },
      });
      return { tables: tables.length, warnings: warnings.length };
    });

/** What a lost attempt achieved, when it got as far as the rename. */
async function finishedBefore(
  { catalog, restoreTarget }: Pick<Needs, 'catalog' | 'restoreTarget'>,
  run: RestoreRun,
  connection: Connection,
  database: string,
): Promise<ActivityOutput<'restore-database'> | undefined> {
  const claim = await catalog.runs.get(run);
  if (!claim?.renaming) return undefined;
  if ((await restoreTarget.databaseOid(connection, database)) !== claim.renaming.databaseOid) return undefined;
  const job = (await catalog.jobs.get(run.instance, run.jobId))?.value;
  return { tables: Number(detailsOf(job)['TablesVerified']), warnings: job?.warnings.length ?? 0 };
}

const detailsOf = (job: Job | undefined): Readonly<Record<string, string>> =>
  job?.subTasks.find(({ taskName }) => taskName === restoreTask.restore)?.details ?? {};

function verified(job: Job, { tables, restoredBytes, warnings }: RestoreOutcome, at: string): Job {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return {
    ...finishTask(job, restoreTask.restore, at, {
      DataTransferredInBytes: String(restoredBytes),
      TablesVerified: String(tables.length),
      RowsVerified: String(rows),
      Phase: 'Done',
    }),
    bytesTransferred: restoredBytes,
    warnings,
  };
}
