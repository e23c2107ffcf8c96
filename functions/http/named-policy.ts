import type { Catalog } from '../../shared/catalog/catalog.ts';
import { invalid } from '../../shared/domain/arm-reader.ts';
import type { VaultRef } from '../../shared/domain/ids.ts';
import type { StoredPolicy } from '../../shared/domain/records.ts';

/**
 * The policy that a request names.
 * @throws VaultError BMSUserErrorInvalidInput with `target` when the vault has none of that name
 */
export async function requireNamedPolicy(
  catalog: Catalog,
  { vault, policyName }: { readonly vault: VaultRef; readonly policyName: string },
  target: string,
): Promise<StoredPolicy> {
  const policy = await catalog.vaults.getPolicy(vault, policyName);
  if (!policy) throw invalid(target, 'the vault has no backup policy of that name');
  return policy.value;
}
