import { vaultId } from '../../shared/domain/ids.ts';
import type { Vault } from '../../shared/domain/records.ts';
import type { ServiceIdentity } from '../call.ts';
import { wireEtag } from '../preconditions.ts';

/** The identity of the service, in the form a vault shows it. */
export interface ShownIdentity {
  readonly principalId?: string;
  readonly tenantId: string;
}

export async function showIdentity(identity: ServiceIdentity): Promise<ShownIdentity> {
  const principalId = await identity.principalId();
  return { ...(principalId !== undefined && { principalId }), tenantId: identity.tenantId };
}

/**
 * A backup vault (samples 01, 02). Settings that were not sent are absent; ours are under `ltrVault`. `etag` is absent in lists.
 */
export function vaultToWire(vault: Vault, identity: ShownIdentity, etag?: string): Readonly<Record<string, unknown>> {
  const hasIdentity = vault.identityType.toLowerCase() !== 'none';
  return {
    location: vault.location,
    ...(Object.keys(vault.tags).length > 0 && { tags: vault.tags }),
    identity: hasIdentity ? { type: vault.identityType, ...identity } : { type: vault.identityType },
    properties: {
      ...(vault.monitoringSettings && { monitoringSettings: vault.monitoringSettings }),
      provisioningState: 'Succeeded',
      storageSettings: vault.storageSettings,
      isVaultProtectedByResourceGuard: false,
      ...(vault.securitySettings && { securitySettings: vault.securitySettings }),
      ...(vault.featureSettings && { featureSettings: vault.featureSettings }),
      secureScore: 'None',
      bcdrSecurityLevel: 'Poor',
      replicatedRegions: [],
      ltrVault: vault.settings,
    },
    ...(etag !== undefined && { eTag: wireEtag(etag) }),
    id: vaultId(vault),
    name: vault.vaultName,
    type: 'Microsoft.DataProtection/backupVaults',
  };
}
