/**
 * Names and keys. ARM compares names loosely, so every key is made of lower-cased names; what the caller wrote is kept for display.
 */
export interface VaultRef {
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  readonly vaultName: string;
}

export interface InstanceRef extends VaultRef {
  readonly instanceName: string;
}

export interface PolicyRef extends VaultRef {
  readonly policyName: string;
}

/** `/subscriptions/…/backupVaults/{name}`, as the caller spelled it. */
export const vaultId = (ref: VaultRef): string =>
  `/subscriptions/${ref.subscriptionId}/resourceGroups/${ref.resourceGroup}/providers/Microsoft.DataProtection/backupVaults/${ref.vaultName}`;

export const policyId = (ref: PolicyRef): string => `${vaultId(ref)}/backupPolicies/${ref.policyName}`;

export const instanceId = (ref: InstanceRef): string => `${vaultId(ref)}/backupInstances/${ref.instanceName}`;

export const jobArmId = (ref: VaultRef, jobId: string): string => `${vaultId(ref)}/backupJobs/${jobId}`;

/** Lower-cased key of a vault, safe in a table key: `sub|rg|vault`. The names allow no `|`. */
export const vaultKey = (ref: VaultRef): string =>
  `${ref.subscriptionId}|${ref.resourceGroup}|${ref.vaultName}`.toLowerCase();

/** Lower-cased key of an instance: `sub|rg|vault|instance`. */
export const instanceKey = (ref: InstanceRef): string => `${vaultKey(ref)}|${ref.instanceName.toLowerCase()}`;

/** Parses an ARM id case-insensitively; undefined when it is not the id of a policy in a backup vault. */
export function parsePolicyId(id: string): PolicyRef | undefined {
  const match =
    /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/Microsoft\.DataProtection\/backupVaults\/([^/]+)\/backupPolicies\/([^/]+)$/i.exec(
      id,
    );
  const [, subscriptionId, resourceGroup, vaultName, policyName] = match ?? [];
  if (!subscriptionId || !resourceGroup || !vaultName || !policyName) return undefined;
  return { subscriptionId, resourceGroup, vaultName, policyName };
}

/**
 * Milliseconds since the epoch inside a UUID version 7 (RFC 9562 §5.7). Jobs and recovery points are named by one, so a list key
 * (newest first) follows from the name alone and a get by name needs no second index.
 */
export function uuidTime(uuid: string): number {
  const hex = uuid.replaceAll('-', '');
  if (!/^[0-9a-f]{12}7[0-9a-f]{19}$/i.test(hex)) return Number.NaN;
  return Number.parseInt(hex.slice(0, 12), 16);
}

const farFuture = 8_640_000_000_000_000;

/** Key part that sorts newest first: 16 digits of (far future - time). */
export const newestFirst = (milliseconds: number): string => String(farFuture - milliseconds).padStart(16, '0');
