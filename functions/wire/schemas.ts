import { z } from 'zod';
import { looseObject, oneOf, text } from './loose-object.ts';

/**
 * Request bodies of Microsoft.DataProtection 2024-04-01, as far as they concern us. `modelAsString` enums are open: the values are
 * kept as sent unless we act on them.
 */

const id = text(2048);
const shortText = text(260);

const tags = z
  .record(text(512), text(256))
  .refine((all) => Object.keys(all).length <= 50, 'at most 50 tags are allowed');

// ---- vaults ----------------------------------------------------------------------------------------------------------

const identity = looseObject({ type: shortText.optional() });

const storageSettings = z.array(looseObject({ datastoreType: shortText, type: shortText })).max(10);

const securitySettings = looseObject({
  softDeleteSettings: looseObject({
    state: shortText.optional(),
    retentionDurationInDays: z.number().optional(),
  }).optional(),
  immutabilitySettings: looseObject({ state: shortText.optional() }).optional(),
  encryptionSettings: looseObject({ state: shortText.optional() }).optional(),
});

const featureSettings = looseObject({
  crossSubscriptionRestoreSettings: looseObject({ state: shortText.optional() }).optional(),
  crossRegionRestoreSettings: looseObject({ state: shortText.optional() }).optional(),
});

const monitoringSettings = looseObject({
  azureMonitorAlertSettings: looseObject({ alertsForAllJobFailures: shortText.optional() }).optional(),
});

const vaultSettings = {
  monitoringSettings: monitoringSettings.optional(),
  securitySettings: securitySettings.optional(),
  featureSettings: featureSettings.optional(),
  /** Ours; checked by parseVaultSettings. */
  ltrVault: z.unknown().optional(),
};

export const vaultPut = looseObject({
  location: shortText,
  tags: tags.optional(),
  identity: identity.optional(),
  properties: looseObject({ ...vaultSettings, storageSettings: storageSettings.optional() }),
});

export const vaultPatch = looseObject({
  tags: tags.optional(),
  identity: identity.optional(),
  properties: looseObject(vaultSettings).optional(),
});

// ---- policies --------------------------------------------------------------------------------------------------------

/** The properties are checked by the domain's parsePolicy, property by property. */
export const policyPut = looseObject({ properties: z.unknown().optional() });

// ---- instances -------------------------------------------------------------------------------------------------------

/** Datasource and DatasourceSet; what they mean is read by parseDatasource. */
const datasource = looseObject({
  resourceID: id,
  resourceUri: id.optional(),
  datasourceType: shortText.optional(),
  resourceName: shortText.optional(),
  resourceType: shortText.optional(),
  resourceLocation: shortText.optional(),
  objectType: shortText.optional(),
});

const authCredentials = looseObject({
  objectType: oneOf('SecretStoreBasedAuthCredentials'),
  secretStoreResource: looseObject({
    secretStoreType: oneOf('AzureKeyVault'),
    uri: id,
    value: z.string().max(0, 'a secret is never sent, only its URI').optional(),
  }),
});

const identityDetails = looseObject({
  useSystemAssignedIdentity: z.boolean().optional(),
  userAssignedIdentityArmUrl: id.optional(),
});

const policyInfo = looseObject({
  policyId: id,
  policyParameters: looseObject({
    dataStoreParametersList: z
      .array(looseObject({ objectType: shortText, dataStoreType: shortText, resourceGroupId: id.optional() }))
      .max(10)
      .optional(),
  }).optional(),
});

export const backupInstance = looseObject({
  friendlyName: text(500).optional(),
  dataSourceInfo: datasource,
  dataSourceSetInfo: datasource.optional(),
  policyInfo,
  datasourceAuthCredentials: authCredentials,
  validationType: shortText.optional(),
  identityDetails: identityDetails.optional(),
  objectType: oneOf('BackupInstance'),
});

export type BackupInstanceBody = z.output<typeof backupInstance>;

export const instancePut = looseObject({ tags: tags.optional(), properties: backupInstance });

export const validateForBackup = looseObject({ backupInstance });

export const triggerBackup = looseObject({
  backupRuleOptions: looseObject({
    ruleName: shortText,
    triggerOption: looseObject({ retentionTagOverride: shortText.optional() }),
  }),
});

// ---- restore ---------------------------------------------------------------------------------------------------------

const restoreTarget = looseObject({
  objectType: oneOf('RestoreTargetInfo', 'RestoreFilesTargetInfo'),
  recoveryOption: oneOf('FailIfExists'),
  restoreLocation: shortText.optional(),
  datasourceInfo: datasource.optional(),
  datasourceSetInfo: datasource.optional(),
  datasourceAuthCredentials: authCredentials.optional(),
  targetDetails: looseObject({
    url: id,
    filePrefix: shortText,
    restoreTargetLocationType: oneOf('AzureBlobs'),
    targetResourceArmId: id.optional(),
  }).optional(),
});

/** The rehydration properties are not read: a point in the standard store needs none, and where a point is decides. */
export const restoreRequest = looseObject({
  objectType: oneOf('AzureBackupRecoveryPointBasedRestoreRequest', 'AzureBackupRestoreWithRehydrationRequest'),
  recoveryPointId: shortText,
  sourceDataStoreType: oneOf('VaultStore', 'ArchiveStore'),
  restoreTargetInfo: restoreTarget,
  identityDetails: identityDetails.optional(),
});

export type RestoreRequestBody = z.output<typeof restoreRequest>;

export const validateRestore = looseObject({ restoreRequestObject: restoreRequest });

// ---- the rest --------------------------------------------------------------------------------------------------------

export const nameAvailability = looseObject({ name: shortText, type: shortText });

export const featureValidation = looseObject({
  objectType: oneOf('FeatureValidationRequest'),
  featureType: shortText.optional(),
  featureName: shortText.optional(),
});

export const restorableTimeRanges = looseObject({
  sourceDataStoreType: oneOf('OperationalStore', 'VaultStore', 'ArchiveStore'),
});
