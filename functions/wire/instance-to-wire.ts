import { createHash } from 'node:crypto';
import type { ErrorRecord } from '../../shared/domain/errors.ts';
import { armTime } from '../../shared/domain/calendar.ts';
import { instanceId, vaultId } from '../../shared/domain/ids.ts';
import type { BackupInstance } from '../../shared/domain/records.ts';
import { decodeOperationId } from '../../shared/domain/run-names.ts';
import { userFacingError } from './error-body.ts';

/**
 * ETag of what a caller configured. The row changes with every backup; a client that read the configuration before one may still
 * change it after.
 */
export const instanceEtag = ({ properties, friendlyName, tags, createdAt }: BackupInstance): string =>
  `"${createHash('sha256')
    .update(JSON.stringify([properties, friendlyName, tags ?? {}, createdAt]))
    .digest('hex')
    .slice(0, 32)}"`;

/** A backup instance (sample 05). */
export const instanceToWire = (instance: BackupInstance): Readonly<Record<string, unknown>> => ({
  ...(instance.tags && { tags: instance.tags }),
  properties: properties(instance, 'BackupInstance'),
  eTag: instanceEtag(instance),
  id: instanceId(instance),
  name: instance.instanceName,
  type: 'Microsoft.DataProtection/backupVaults/backupInstances',
});

/** A deleted one, whose data is kept (sample 12). No purge is scheduled, so none is named. */
export const deletedInstanceToWire = (instance: BackupInstance): Readonly<Record<string, unknown>> => ({
  properties: {
    ...properties(instance, 'DeletedBackupInstance'),
    deletionInfo: {
      ...(instance.deletedAt !== undefined && { deletionTime: armTime(instance.deletedAt) }),
      deleteActivityID: activityOf(instance),
    },
  },
  id: `${vaultId(instance)}/deletedBackupInstances/${instance.instanceName}`,
  name: instance.instanceName,
  type: 'Microsoft.DataProtection/backupVaults/deletedBackupInstances',
});

function properties(instance: BackupInstance, objectType: string): Record<string, unknown> {
  const { friendlyName: _, datasourceAuthCredentials, objectType: __, ...sent } = instance.properties;
  const [error] = instance.errors;
  const shown = error && { errorDetails: showError(error, instance) };
  return {
    friendlyName: instance.friendlyName,
    ...sent,
    protectionStatus: { ...shown, status: instance.state },
    currentProtectionState: instance.state,
    ...(error && { protectionErrorDetails: showError(error, instance) }),
    provisioningState: instance.provisioningState,
    datasourceAuthCredentials,
    objectType,
    ltrVault: ours(instance),
  };
}

/** What Azure does not tell: the last backup, the next one, and which database this is. */
const ours = ({ lastBackup, nextDue, scheduledThrough, identity, server }: BackupInstance) => ({
  lastBackup: lastBackup ?? null,
  nextBackup: nextDue?.split('|')[0] ?? null,
  scheduledThrough: scheduledThrough ?? null,
  database: identity ?? null,
  server: server ?? null,
});

const showError = (error: ErrorRecord, instance: BackupInstance) => userFacingError(error, activityOf(instance));

const activityOf = ({ operationId }: BackupInstance): string =>
  (operationId === undefined ? undefined : decodeOperationId(operationId)?.operation) ?? '';
