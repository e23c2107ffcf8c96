import type { Json } from '../api-client.ts';

/** Request bodies of the contract, as the official command line sends them. */

export interface VaultPath {
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  readonly vault: string;
}

export const vaultPath = (ref: VaultPath): string =>
  `/subscriptions/${ref.subscriptionId}/resourceGroups/${ref.resourceGroup}/providers/Microsoft.DataProtection/backupVaults/${ref.vault}`;

export const serverPath = (ref: VaultPath, server: string): string =>
  `/subscriptions/${ref.subscriptionId}/resourceGroups/${ref.resourceGroup}/providers/Microsoft.DBforPostgreSQL/servers/${server}`;

export const location = 'local';

export const vaultBody = (): Json => ({
  location,
  identity: { type: 'SystemAssigned' },
  properties: { storageSettings: [{ datastoreType: 'VaultStore', type: 'LocallyRedundant' }] },
});

const store = (dataStoreType: string): Json => ({ dataStoreType, objectType: 'DataStoreInfoBase' });

const retention = (name: string, duration: string, isDefault: boolean): Json => ({
  name,
  objectType: 'AzureRetentionRule',
  isDefault,
  lifecycles: [
    {
      deleteAfter: { objectType: 'AbsoluteDeleteOption', duration },
      sourceDataStore: store('VaultStore'),
      targetDataStoreCopySettings: [],
    },
  ],
});

const tag = (tagName: string, taggingPriority: number, absolute?: string): Json => ({
  tagInfo: { tagName },
  taggingPriority,
  isDefault: absolute === undefined,
  ...(absolute === undefined
    ? {}
    : { criteria: [{ absoluteCriteria: [absolute], objectType: 'ScheduleBasedBackupCriteria' }] }),
});

/** Weekly at the weekday and time of each start; the first of a month and of a year are kept longer. */
export const policyBody = (starts: readonly string[], timeZone = 'UTC'): Json => ({
  properties: {
    datasourceTypes: ['Microsoft.DBforPostgreSQL/servers/databases'],
    objectType: 'BackupPolicy',
    policyRules: [
      {
        name: 'BackupWeekly',
        objectType: 'AzureBackupRule',
        backupParameters: { backupType: 'Full', objectType: 'AzureBackupParams' },
        dataStore: store('VaultStore'),
        trigger: {
          objectType: 'ScheduleBasedTriggerContext',
          schedule: { repeatingTimeIntervals: starts.map((start) => `R/${start}/P1W`), timeZone },
          taggingCriteria: [tag('Yearly', 10, 'FirstOfYear'), tag('Monthly', 15, 'FirstOfMonth'), tag('Default', 99)],
        },
      },
      retention('Yearly', 'P10Y', false),
      retention('Monthly', 'P12M', false),
      retention('Default', 'P3M', true),
    ],
  },
});

const datasource = (server: string, database: string): { info: Json; set: Json } => ({
  info: {
    objectType: 'Datasource',
    resourceID: `${server}/databases/${database}`,
    resourceName: database,
    resourceType: 'Microsoft.DBforPostgreSQL/servers/databases',
    datasourceType: 'Microsoft.DBforPostgreSQL/servers/databases',
    resourceLocation: location,
    resourceUri: '',
  },
  set: {
    objectType: 'DatasourceSet',
    resourceID: server,
    resourceName: server.slice(server.lastIndexOf('/') + 1),
    resourceType: 'Microsoft.DBforPostgreSQL/servers',
    datasourceType: 'Microsoft.DBforPostgreSQL/servers/databases',
    resourceLocation: location,
    resourceUri: '',
  },
});

const credentials = (secretUri: string): Json => ({
  objectType: 'SecretStoreBasedAuthCredentials',
  secretStoreResource: { secretStoreType: 'AzureKeyVault', uri: secretUri },
});

export interface DatabasePlace {
  /** ARM id of the server. */
  readonly server: string;
  readonly database: string;
  readonly secretUri: string;
}

/** `properties` of a backup instance; validateForBackup takes the same. */
export function instanceProperties(place: DatabasePlace, policyId: string): Json {
  const { info, set } = datasource(place.server, place.database);
  return {
    objectType: 'BackupInstance',
    friendlyName: `${String(set['resourceName'])}/${place.database}`,
    dataSourceInfo: info,
    dataSourceSetInfo: set,
    policyInfo: { policyId },
    datasourceAuthCredentials: credentials(place.secretUri),
  };
}

export const backupNowBody = (retentionTagOverride?: string): Json => ({
  backupRuleOptions: {
    ruleName: 'BackupWeekly',
    triggerOption: retentionTagOverride === undefined ? {} : { retentionTagOverride },
  },
});

/** Restore as database: `place` is the database to be made. */
export function restoreBody(recoveryPointId: string, place: DatabasePlace): Json {
  const { info, set } = datasource(place.server, place.database);
  return {
    objectType: 'AzureBackupRecoveryPointBasedRestoreRequest',
    sourceDataStoreType: 'VaultStore',
    recoveryPointId,
    restoreTargetInfo: {
      objectType: 'RestoreTargetInfo',
      recoveryOption: 'FailIfExists',
      restoreLocation: location,
      datasourceInfo: info,
      datasourceSetInfo: set,
      datasourceAuthCredentials: credentials(place.secretUri),
    },
  };
}

/** Restore as files into a blob container. */
export const restoreFilesBody = (recoveryPointId: string, containerUrl: string, filePrefix: string): Json => ({
  objectType: 'AzureBackupRecoveryPointBasedRestoreRequest',
  sourceDataStoreType: 'VaultStore',
  recoveryPointId,
  restoreTargetInfo: {
    objectType: 'RestoreFilesTargetInfo',
    recoveryOption: 'FailIfExists',
    restoreLocation: location,
    targetDetails: { url: containerUrl, filePrefix, restoreTargetLocationType: 'AzureBlobs' },
  },
});
