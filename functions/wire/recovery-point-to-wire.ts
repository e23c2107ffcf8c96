import { armTime } from '../../shared/domain/calendar.ts';
import { instanceId } from '../../shared/domain/ids.ts';
import type { RecoveryPoint } from '../../shared/domain/records.ts';

/** A recovery point (sample 09). Expiry comes with retention; until then nothing expires, and null says so. */
export const recoveryPointToWire = (point: RecoveryPoint): Readonly<Record<string, unknown>> => ({
  properties: {
    objectType: 'AzureBackupDiscreteRecoveryPoint',
    recoveryPointId: point.id,
    recoveryPointTime: armTime(point.time),
    recoveryPointType: 'Full',
    friendlyName: point.id,
    recoveryPointDataStoresDetails: [
      {
        id: point.id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
        type: point.storeType,
        creationTime: armTime(point.createdAt),
        expiryTime: null,
        metaData: metaData(point),
        visible: true,
        state: point.state,
        rehydrationExpiryTime: null,
        rehydrationStatus: null,
      },
    ],
    retentionTagName: point.tag,
    retentionTagVersion: point.tagVersion,
    policyName: point.policyName,
    policyVersion: null,
    expiryTime: null,
    ltrVault: ours(point),
  },
  id: `${instanceId(point.instance)}/recoveryPoints/${point.id}`,
  name: point.id,
  type: 'Microsoft.DataProtection/backupVaults/backupInstances/recoveryPoints',
});

/** A JSON text, with the names the service uses. */
const metaData = (point: RecoveryPoint): string =>
  JSON.stringify({
    objectType: 'PostgresBackupMetadata',
    version: '1.0',
    postgresVersion: String(point.serverMajor),
    dbName: point.databaseName,
    backupType: 'Full',
    backupDumpFormat: 'CUSTOM',
    bytesTransferred: point.storedBytes,
    dataSourceSize: point.rawBytes,
  });

const ours = (point: RecoveryPoint) => ({
  rawBytes: point.rawBytes,
  storedBytes: point.storedBytes,
  container: point.container,
  folder: point.folder,
  scheduled: point.scheduled,
  slot: point.slot ?? null,
  jobId: point.jobId,
});
