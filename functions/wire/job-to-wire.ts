import { armTime, jobDuration } from '../../shared/domain/calendar.ts';
import { instanceId, jobArmId, policyId } from '../../shared/domain/ids.ts';
import { isEnded } from '../../shared/domain/job-transitions.ts';
import type { Job, JobWarning, SubTask } from '../../shared/domain/records.ts';
import { userFacingError } from './error-body.ts';

/** A job (samples 07 and 08; what is null there is null here). Ours are under `ltrVault`. */
export const jobToWire = (job: Job): Readonly<Record<string, unknown>> => ({
  properties: {
    activityID: job.id,
    subscriptionId: job.vault.subscriptionId,
    backupInstanceId: instanceId(job.instance),
    policyId: policyId({ ...job.vault, policyName: job.policyName }),
    dataSourceId: job.datasource.resourceId,
    vaultName: job.vault.vaultName,
    backupInstanceFriendlyName: job.friendlyName,
    policyName: job.policyName,
    sourceResourceGroup: job.datasource.resourceGroup,
    dataSourceSetName: job.datasource.serverName,
    dataSourceName: job.datasource.databaseName,
    sourceDataStoreName: null,
    sourceDataStoreType: job.operation === 'Restore' ? 'VaultStore' : null,
    destinationDataStoreName: null,
    progressEnabled: true,
    etag: `W/"datetime'${encodeURIComponent(armTime(lastChange(job)))}'"`,
    sourceSubscriptionID: job.datasource.subscriptionId,
    dataSourceLocation: job.datasource.location,
    startTime: armTime(job.startedAt),
    endTime: job.endedAt === undefined ? null : armTime(job.endedAt),
    dataSourceType: job.datasource.type,
    operationCategory: job.operation,
    operation: job.operation,
    status: job.status,
    restoreType: null,
    isUserTriggered: job.userTriggered,
    rehydrationPriority: null,
    supportedActions: [job.status === 'InProgress' ? 'Cancel' : ''],
    duration: jobDuration(job.startedAt, job.endedAt),
    progressUrl: null,
    isCrossRegionRestore: null,
    errorDetails: job.errors.length === 0 ? null : job.errors.map((error) => userFacingError(error, job.id)),
    extendedInfo: extendedInfo(job),
    ltrVault: ours(job),
  },
  id: jobArmId(job.vault, job.id),
  name: job.id,
  type: 'Microsoft.DataProtection/backupVaults/backupJobs',
});

const extendedInfo = (job: Job) => ({
  backupInstanceState: null,
  dataTransferredInBytes: job.bytesTransferred ?? null,
  // The service leaves this time unset (sample 07): the point itself has it.
  targetRecoverPoint:
    job.targetPoint === undefined
      ? null
      : { recoveryPointID: job.targetPoint, recoveryPointTime: '0001-01-01T00:00:00Z' },
  sourceRecoverPoint: job.sourcePoint
    ? { recoveryPointID: job.sourcePoint.id, recoveryPointTime: armTime(job.sourcePoint.time) }
    : null,
  recoveryDestination: job.recoveryDestination ?? null,
  subTasks: job.subTasks.map((task) => subTask(job, task)),
  additionalDetails: additionalDetails(job),
  ...(job.warnings.length > 0 && { warningDetails: job.warnings.map((warning) => warningDetail(warning, job.id)) }),
});

function additionalDetails(job: Job): Readonly<Record<string, string>> | null {
  const details = {
    ...(job.retentionTag !== undefined && { RetentionTag: job.retentionTag }),
    ...(job.filePrefix !== undefined && { 'Restore File Prefix': job.filePrefix }),
    ...(!job.userTriggered && { TaskId: job.id }),
  };
  return Object.keys(details).length === 0 ? null : details;
}

/** The first sub-task stands for the whole and carries the figures of the service's own. */
function subTask(job: Job, task: SubTask) {
  const isWhole = task.taskId === 1 && isEnded(job);
  const details = {
    ...task.details,
    ...(isWhole && {
      ...(job.operation === 'Backup' &&
        job.sourceBytes !== undefined && { OriginalDatasourceSizeInBytes: String(job.sourceBytes) }),
      ...(job.operation === 'Restore' &&
        job.bytesTransferred !== undefined && { DataTransferredInBytes: String(job.bytesTransferred) }),
      TaskId: job.id,
      DatasourceType: job.datasource.type,
    }),
  };
  return {
    taskId: task.taskId,
    taskName: task.taskName,
    taskStatus: task.status,
    taskProgress: null,
    additionalDetails: Object.keys(details).length === 0 ? null : details,
  };
}

/** What could not be applied, by name. */
const warningDetail = ({ kind, name, detail }: JobWarning, activityId: string) => ({
  resourceName: name,
  warning: {
    code: `RestoreSkipped${kind.replace(/[^A-Za-z]/g, '')}`,
    message: `${kind} ${name}: ${detail}`,
    recommendedAction: ['Apply it by hand if it is needed.'],
    isRetryable: false,
    isUserError: false,
    properties: { ActivityId: activityId },
  },
});

const ours = (job: Job) => ({
  requestedBy: job.requestedBy,
  attempts: job.attempts,
  heartbeatAt: job.heartbeatAt ?? null,
  slot: job.slot ?? null,
  sourceBytes: job.sourceBytes ?? null,
});

const lastChange = (job: Job): string => job.endedAt ?? job.heartbeatAt ?? job.startedAt;
