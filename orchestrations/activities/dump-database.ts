import { attemptFolder } from '../attempt-folder.ts';
import { finishTask, startTask } from '../../shared/domain/job-transitions.ts';
import type { ActivityInput, ActivityOutput } from '../contracts.ts';
import { backupTask, progressOf } from '../job-tasks.ts';
import { attemptNumber } from '../../shared/domain/run-names.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { holdAttempt } from './held-attempt.ts';
import { loadInstance, loadVault } from './load-run.ts';

type Needs = Pick<ActivityDependencies, 'catalog' | 'connections' | 'dumpSource' | 'archive' | 'clock' | 'log'>;

/** What the mover found and wrote, kept beside the parts until the commit makes the manifest of it. */
export const reportName = 'dump-report.json';

/** The mover: dumps the whole database under one snapshot into the attempt's folder. Nothing of it is a recovery point yet. */
export const createDumpDatabase =
  ({ catalog, connections, dumpSource, archive, clock, log }: Needs) =>
  ({ run, attemptId }: ActivityInput<'dump-database'>): Promise<ActivityOutput<'dump-database'>> =>
    holdAttempt({ catalog, clock, log }, run, attemptId, async (hold) => {
      const [vault, instance] = [await loadVault(catalog, run.instance), await loadInstance(catalog, run.instance)];
      await catalog.jobs.update(run.instance, run.jobId, (job) => ({
        ...startTask(job, backupTask.dump, clock().toISOString()),
        attempts: attemptNumber(attemptId),
      }));
      const connection = await connections.resolve(instance.secretUri, instance.datasource);
      await archive.ensureContainer(vault.container);
      const folder = attemptFolder(run, attemptId);
      const report = await dumpSource.dump({
        connection,
        jobId: run.jobId,
        container: vault.container,
        folder,
        compressionLevel: vault.settings.compressionLevel,
        lockWaitSeconds: vault.settings.lockWaitSeconds,
        signal: hold.signal,
        onProgress: (progress) => {
          const details = {
            DataTransferredInBytes: String(progress.storedBytes),
            TablesCounted: `${progress.tablesCounted}/${progress.tablesTotal}`,
          };
          const heartbeatAt = clock().toISOString();
          hold.report((job) =>
            progressOf(job, backupTask.dump, details, { bytesTransferred: progress.storedBytes, heartbeatAt }),
          );
        },
      });
      await hold.assertHeld();
      await archive.writeJsonOnce(vault.container, `${folder}${reportName}`, report);
      const rawBytes = report.parts.reduce((sum, part) => sum + part.rawBytes, 0);
      const storedBytes = report.parts.reduce((sum, part) => sum + part.storedBytes, 0);
      await catalog.jobs.update(run.instance, run.jobId, (job) => ({
        ...finishTask(job, backupTask.dump, clock().toISOString(), {
          DataTransferredInBytes: String(storedBytes),
          RawBytes: String(rawBytes),
          Tables: String(report.tables.length),
        }),
        bytesTransferred: storedBytes,
      }));
      return { rawBytes, storedBytes, tables: report.tables.length };
    });
