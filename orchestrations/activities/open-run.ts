import type { Catalog } from '../../shared/catalog/catalog.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import { isEnded, openJob as newJob, startTask } from '../../shared/domain/job-transitions.ts';
import { backupRunId, restoreRunId } from '../../shared/domain/run-names.ts';
import type { BackupInstance, Job, RunClaim } from '../../shared/domain/records.ts';
import type { BackupRun, RestoreRun, RunLimits } from '../contracts.ts';
import { taskNames } from '../job-tasks.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { loadInstance, loadInstanceOrDeleted, loadPoint, loadVault } from './load-run.ts';

type Needs = Pick<ActivityDependencies, 'catalog' | 'clock'>;
type Opened = { proceed: true; limits: RunLimits } | { proceed: false; reason: string };

/**
 * Opens a backup: claims the instance, writes the job, ends the long-running operation with the job's id. When the instance is held
 * by another run, or is not protected, the slot is recorded as skipped or the operation as failed, and there is no job.
 */
export const createOpenBackup =
  ({ catalog, clock }: Needs) =>
  async (run: BackupRun): Promise<Opened> => {
    try {
      const instance = await loadInstance(catalog, run.instance);
      if (instance.state !== 'ProtectionConfigured') {
        throw new VaultError('UserErrorProtectionNotConfigured', {
          instance: instance.instanceName,
          state: instance.state,
        });
      }
      const limits = await limitsOf(catalog, run);
      if (await hasRun(catalog, run)) return alreadyRun;
      const claim = await catalog.runs.open(claimOf(run, backupRunId(run.jobId), clock()));
      if (claim.jobId !== run.jobId) {
        throw new VaultError('UserErrorMaxConcurrentOperationLimitReached', { operation: 'backup', limit: 1 });
      }
      await openJob({ catalog, clock }, run, jobOf(run, instance, clock(), backupRunId(run.jobId)));
      return { proceed: true, limits };
    } catch (error) {
      if (!(error instanceof VaultError) || isTrouble(error)) throw error;
      return refuse({ catalog, clock }, run, error);
    }
  };

/** Opens a restore; a restore holds nothing but itself, so several may read one point at once. */
export const createOpenRestore =
  ({ catalog, clock }: Needs) =>
  async (run: RestoreRun): Promise<Opened> => {
    try {
      const instance = await loadInstanceOrDeleted(catalog, run.instance);
      const point = await loadPoint(catalog, run.instance, run.pointId);
      const limits = await limitsOf(catalog, run);
      if (await hasRun(catalog, run)) return alreadyRun;
      await catalog.runs.open(claimOf(run, restoreRunId(run.jobId), clock()));
      const job: Job = {
        ...jobOf(run, instance, clock(), restoreRunId(run.jobId)),
        sourcePoint: { id: point.id, time: point.time },
        recoveryDestination: run.target.kind === 'database' ? run.target.targetResourceId : run.target.url,
        ...(run.target.kind === 'files' ? { filePrefix: run.target.prefix } : {}),
      };
      await openJob({ catalog, clock }, run, job);
      return { proceed: true, limits };
    } catch (error) {
      if (!(error instanceof VaultError) || isTrouble(error)) throw error;
      return refuse({ catalog, clock }, run, error);
    }
  };

/** Trouble with the store is no refusal: the activity is asked again, and what it began is there still. */
const isTrouble = ({ code }: VaultError): boolean =>
  code === 'UserErrorVaultStoreNotAccessible' || code === 'UserErrorConcurrentUpdate';

/** An orchestration that ended may be started anew under its id (DURABLE-FACTS 10.3); a job that ended is not run again. */
const alreadyRun: Opened = { proceed: false, reason: 'the job has ended before' };

async function hasRun(catalog: Catalog, run: BackupRun | RestoreRun): Promise<boolean> {
  const job = await catalog.jobs.get(run.instance, run.jobId);
  return job !== undefined && isEnded(job.value);
}

async function limitsOf(catalog: Catalog, run: BackupRun | RestoreRun): Promise<RunLimits> {
  const { settings } = await loadVault(catalog, run.instance);
  return { maxAttempts: settings.maxAttempts, deadlineHours: settings.runDeadlineHours };
}

/** The job exists before the operation says so: a client that has its id can read it. */
async function openJob({ catalog, clock }: Needs, run: BackupRun | RestoreRun, job: Job): Promise<void> {
  await catalog.jobs.open(job);
  if (run.operationId === undefined) return;
  await catalog.operations.finish(run.operationId, { endedAt: clock().toISOString(), jobId: job.id });
}

async function refuse({ catalog, clock }: Needs, run: BackupRun | RestoreRun, error: VaultError): Promise<Opened> {
  const updatedAt = clock().toISOString();
  if (run.operationId !== undefined) {
    await catalog.operations.finish(run.operationId, { endedAt: updatedAt, error: error.toRecord() });
  }
  if (run.operation === 'Backup' && run.trigger.kind === 'scheduled') {
    const reason = error.message;
    await catalog.slots.settle(run.instance, run.trigger.slot, { outcome: 'skipped', reason, updatedAt });
  }
  return { proceed: false, reason: error.code };
}

function claimOf(run: BackupRun | RestoreRun, orchestrationId: string, now: Date): RunClaim {
  const { instance, jobId, operation } = run;
  const at = now.toISOString();
  const point = run.operation === 'Backup' ? { pointId: run.pointId } : {};
  return { instance, jobId, operation, orchestrationId, ...point, openedAt: at, heartbeatAt: at };
}

function jobOf(run: BackupRun | RestoreRun, instance: BackupInstance, now: Date, orchestrationId: string): Job {
  const backup = run.operation === 'Backup' ? run.trigger : undefined;
  const job = newJob({
    id: run.jobId,
    vault: run.instance,
    instance: run.instance,
    friendlyName: instance.friendlyName,
    datasource: instance.datasource,
    policyName: instance.policyName,
    operation: run.operation,
    userTriggered: backup?.kind !== 'scheduled',
    requestedBy: run.requestedBy,
    startedAt: now.toISOString(),
    orchestrationId,
    taskNames: taskNames[run.operation],
    ...(backup?.kind === 'scheduled' ? { slot: backup.slot } : {}),
    ...(backup?.kind === 'adhoc' ? { retentionTag: backup.tag } : {}),
  });
  return startTask(job, taskNames[run.operation][0] ?? '', job.startedAt);
}
