/** The paths of Microsoft.DataProtection, under route prefix "". */
export const provider = 'providers/Microsoft.DataProtection';
export const subscription = 'subscriptions/{subscriptionId}';
export const location = `${subscription}/${provider}/locations/{location}`;
export const group = `${subscription}/resourceGroups/{resourceGroupName}`;
export const vaults = `${group}/${provider}/backupVaults`;
export const vault = `${vaults}/{vaultName}`;
export const policy = `${vault}/backupPolicies/{backupPolicyName}`;
export const instance = `${vault}/backupInstances/{backupInstanceName}`;
export const deleted = `${vault}/deletedBackupInstances`;
export const jobs = `${vault}/backupJobs`;
export const points = `${instance}/recoveryPoints`;
