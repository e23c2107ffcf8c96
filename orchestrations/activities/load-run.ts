import type { Catalog } from '../../shared/catalog/catalog.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import type { InstanceRef, VaultRef } from '../../shared/domain/ids.ts';
import { instanceId, vaultId } from '../../shared/domain/ids.ts';
import type { BackupInstance, RecoveryPoint, StoredPolicy, Vault } from '../../shared/domain/records.ts';

/** Reads that several activities need; each throws a named error when the thing is gone. */

export async function loadVault(catalog: Catalog, ref: VaultRef): Promise<Vault> {
  const vault = await catalog.vaults.get(ref);
  if (!vault) throw new VaultError('ResourceNotFound', { resource: vaultId(ref) });
  return vault.value;
}

export async function loadInstance(catalog: Catalog, ref: InstanceRef): Promise<BackupInstance> {
  const instance = await catalog.instances.get(ref);
  if (!instance) throw new VaultError('ResourceNotFound', { resource: instanceId(ref) });
  return instance.value;
}

/** A deleted instance keeps its recovery points, and they can be restored. */
export async function loadInstanceOrDeleted(catalog: Catalog, ref: InstanceRef): Promise<BackupInstance> {
  const instance = (await catalog.instances.get(ref)) ?? (await catalog.instances.getDeleted(ref));
  if (!instance) throw new VaultError('ResourceNotFound', { resource: instanceId(ref) });
  return instance.value;
}

export async function loadPolicy(catalog: Catalog, ref: VaultRef, name: string): Promise<StoredPolicy> {
  const policy = await catalog.vaults.getPolicy(ref, name);
  if (!policy) throw new VaultError('ResourceNotFound', { resource: `${vaultId(ref)}/backupPolicies/${name}` });
  return policy.value;
}

export async function loadPoint(catalog: Catalog, instance: InstanceRef, id: string): Promise<RecoveryPoint> {
  const point = await catalog.points.get(instance, id);
  if (!point) throw new VaultError('UserErrorRecoveryPointNotFound', { point: id, instance: instance.instanceName });
  return point.value;
}
