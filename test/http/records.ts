import { newJobId, newPointId } from '../../orchestrations/run-ids.ts';
import type { Job, RecoveryPoint } from '../../shared/domain/records.ts';
import { containerName } from '../../shared/domain/names.ts';
import { datasource, instanceRef, vaultRef } from './bodies.ts';
import type { Harness } from './harness.ts';

/** Rows as the orchestrations write them. */

export function jobAt(at: string, changes: Partial<Job> = {}): Job {
  const id = newJobId(Date.parse(at));
  return {
    id,
    vault: vaultRef,
    instance: instanceRef,
    friendlyName: 'oss-server/postgres',
    datasource: {
      resourceId: String(datasource()['resourceID']),
      type: 'Microsoft.DBforPostgreSQL/servers/databases',
      serverName: 'oss-server',
      databaseName: 'postgres',
      location: 'westeurope',
      subscriptionId: vaultRef.subscriptionId,
      resourceGroup: 'clitest-rg',
    },
    policyName: 'osspolicy',
    operation: 'Backup',
    status: 'InProgress',
    userTriggered: true,
    requestedBy: 'dba@example.org',
    startedAt: at,
    subTasks: [{ taskId: 1, taskName: 'Trigger Backup', status: 'InProgress' }],
    errors: [],
    warnings: [],
    attempts: 1,
    orchestrationId: `backup:${id}`,
    ...changes,
  };
}

export function pointAt(time: string, changes: Partial<RecoveryPoint> = {}): RecoveryPoint {
  const jobId = newJobId(Date.parse(time));
  const id = newPointId(jobId);
  return {
    id,
    instance: instanceRef,
    time,
    tag: 'Default',
    tagVersion: '638234554493011659',
    policyName: 'osspolicy',
    folder: `oss-server-postgres-1/${id}-a1/`,
    container: containerName(vaultRef),
    storeType: 'VaultStore',
    rawBytes: 8442527,
    storedBytes: 2063,
    serverMajor: 15,
    databaseName: 'postgres',
    state: 'COMMITTED',
    scheduled: false,
    jobId,
    createdAt: time,
    ...changes,
  };
}

/** A job with its run, as open-backup leaves them. */
export async function openRunningJob(harness: Harness, job: Job): Promise<void> {
  await harness.catalog.jobs.open(job);
  await harness.catalog.runs.open({
    instance: job.instance,
    jobId: job.id,
    operation: job.operation,
    orchestrationId: job.orchestrationId,
    openedAt: job.startedAt,
    heartbeatAt: job.startedAt,
  });
}
