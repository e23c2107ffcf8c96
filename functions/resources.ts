import type { Catalog } from '../shared/catalog/catalog.ts';
import type { Versioned } from '../shared/catalog/collection.ts';
import { VaultError } from '../shared/domain/errors.ts';
import { instanceId, policyId, vaultId } from '../shared/domain/ids.ts';
import type { InstanceRef, PolicyRef, VaultRef } from '../shared/domain/ids.ts';
import type { BackupInstance, StoredPolicy, Vault } from '../shared/domain/records.ts';

/** Reads of what a request needs to exist; each throws VaultError ResourceNotFound with the resource's id. */

const notFound = (resource: string): VaultError =>
  new VaultError('ResourceNotFound', { resource }, { target: resource });

export async function requireVault(catalog: Catalog, ref: VaultRef): Promise<Versioned<Vault>> {
  const vault = await catalog.vaults.get(ref);
  if (!vault) throw notFound(vaultId(ref));
  return vault;
}

export async function requirePolicy(catalog: Catalog, ref: PolicyRef): Promise<Versioned<StoredPolicy>> {
  const policy = await catalog.vaults.getPolicy(ref, ref.policyName);
  if (policy) return policy;
  await requireVault(catalog, ref);
  throw notFound(policyId(ref));
}

export async function requireInstance(catalog: Catalog, ref: InstanceRef): Promise<Versioned<BackupInstance>> {
  const instance = await catalog.instances.get(ref);
  if (instance) return instance;
  await requireVault(catalog, ref);
  throw notFound(instanceId(ref));
}
