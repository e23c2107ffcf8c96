import type { Harness, Json } from './harness.ts';

/** Paths and bodies that clients send. */

export const subscriptionId = '00000000-0000-0000-0000-000000000000';
export const groupPath = `/subscriptions/${subscriptionId}/resourceGroups/clitest-rg`;
export const vaultsPath = `${groupPath}/providers/Microsoft.DataProtection/backupVaults`;
export const vaultPath = `${vaultsPath}/clitest-vault`;
export const policyPath = `${vaultPath}/backupPolicies/osspolicy`;
export const instancePath = `${vaultPath}/backupInstances/oss-server-postgres-1`;
export const vaultRef = { subscriptionId, resourceGroup: 'clitest-rg', vaultName: 'clitest-vault' };
export const instanceRef = { ...vaultRef, instanceName: 'oss-server-postgres-1' };

export const vaultBody = (properties: Json = {}, rest: Json = {}): Json => ({
  location: 'westeurope',
  identity: { type: 'SystemAssigned' },
  properties: { storageSettings: [{ datastoreType: 'VaultStore', type: 'LocallyRedundant' }], ...properties },
  ...rest,
});

const store = (dataStoreType: string) => ({ dataStoreType, objectType: 'DataStoreInfoBase' });

const retention = (name: string, isDefault: boolean, duration: string) => ({
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

export const policyBody = (interval = 'R/2026-01-04T22:00:00+00:00/P1W'): Json => ({
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
          schedule: { repeatingTimeIntervals: [interval], timeZone: 'UTC' },
          taggingCriteria: [
            {
              tagInfo: { tagName: 'Monthly' },
              taggingPriority: 15,
              isDefault: false,
              criteria: [{ absoluteCriteria: ['FirstOfMonth'], objectType: 'ScheduleBasedBackupCriteria' }],
            },
            { tagInfo: { tagName: 'Default' }, taggingPriority: 99, isDefault: true },
          ],
        },
      },
      retention('Monthly', false, 'P6M'),
      retention('Default', true, 'P3M'),
    ],
  },
});

export const secretUri = 'https://kv.vault.azure.net/secrets/name';

export const credentials = (uri = secretUri): Json => ({
  objectType: 'SecretStoreBasedAuthCredentials',
  secretStoreResource: { secretStoreType: 'AzureKeyVault', uri },
});

const serverId = (server: string) => `${groupPath}/providers/Microsoft.DBforPostgreSQL/servers/${server}`;

export const datasource = (database = 'postgres', server = 'oss-server'): Json => ({
  resourceID: `${serverId(server)}/databases/${database}`,
  resourceUri: '',
  datasourceType: 'Microsoft.DBforPostgreSQL/servers/databases',
  resourceName: database,
  resourceType: 'Microsoft.DBforPostgreSQL/servers/databases',
  resourceLocation: 'westeurope',
  objectType: 'Datasource',
});

export const datasourceSet = (server = 'oss-server'): Json => ({
  resourceID: serverId(server),
  resourceUri: '',
  datasourceType: 'Microsoft.DBforPostgreSQL/servers/databases',
  resourceName: server,
  resourceType: 'Microsoft.DBforPostgreSQL/servers',
  resourceLocation: 'westeurope',
  objectType: 'DatasourceSet',
});

export const instanceProperties = (changes: Json = {}): Json => ({
  friendlyName: 'oss-server/postgres',
  dataSourceInfo: datasource(),
  dataSourceSetInfo: datasourceSet(),
  policyInfo: { policyId: policyPath },
  datasourceAuthCredentials: credentials(),
  objectType: 'BackupInstance',
  ...changes,
});

export const restoreBody = (pointId: string, changes: Json = {}): Json => ({
  objectType: 'AzureBackupRecoveryPointBasedRestoreRequest',
  recoveryPointId: pointId,
  sourceDataStoreType: 'VaultStore',
  restoreTargetInfo: {
    objectType: 'RestoreTargetInfo',
    recoveryOption: 'FailIfExists',
    restoreLocation: 'westeurope',
    datasourceInfo: datasource('restored'),
    datasourceSetInfo: datasourceSet(),
    datasourceAuthCredentials: credentials(),
  },
  ...changes,
});

/** A vault and its policy. */
export async function makeVault(harness: Harness): Promise<void> {
  await harness.send('PUT', vaultPath, { body: vaultBody() });
  await harness.send('PUT', policyPath, { body: policyBody() });
}

/** A configured instance, as the orchestration leaves it. */
export async function makeInstance(harness: Harness): Promise<void> {
  await makeVault(harness);
  const put = await harness.send('PUT', instancePath, { body: { properties: instanceProperties() } });
  if (put.status >= 300) throw new Error(`The instance was refused: ${JSON.stringify(put.body)}`);
  await settleConfiguration(harness);
}

/** What configure-protection and finish-operation do in the end. */
export async function settleConfiguration(harness: Harness): Promise<void> {
  const operationId = (await harness.catalog.instances.get(instanceRef))?.value.operationId ?? '';
  await harness.catalog.instances.update(
    instanceRef,
    (current) => current && { ...current, state: 'ProtectionConfigured', provisioningState: 'Succeeded' },
  );
  await harness.catalog.operations.finish(operationId, { endedAt: harness.now.toISOString() });
}
