import { isDeepStrictEqual } from 'node:util';
import { refreshDueOfPolicy } from '../../orchestrations/due-index.ts';
import type { Catalog } from '../../shared/catalog/catalog.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import { policyId } from '../../shared/domain/ids.ts';
import type { PolicyRef } from '../../shared/domain/ids.ts';
import { parsePolicy } from '../../shared/domain/policy-rules.ts';
import type { StoredPolicy } from '../../shared/domain/records.ts';
import type { Answer, Handler } from '../call.ts';
import { ok, policyRefOf, vaultRefOf } from '../call.ts';
import { answerPage } from '../paging.ts';
import { checkPreconditions, wireEtag } from '../preconditions.ts';
import { requirePolicy, requireVault } from '../resources.ts';
import { readBody } from '../wire/loose-object.ts';
import { policyToWire } from '../wire/policy-to-wire.ts';
import { policyPut } from '../wire/schemas.ts';

/** Backup policies; all synchronous. */

export const putPolicy: Handler = async (call, { catalog }) => {
  const ref = policyRefOf(call);
  const { policy, properties } = parsePolicy(readBody(policyPut, call.body).properties);
  const vault = (await requireVault(catalog, ref)).value;
  const at = call.now.toISOString();
  let existed = false;
  const written = await catalog.vaults.updatePolicy(ref, ref.policyName, (current, etag) => {
    checkPreconditions(call, etag, policyId(ref));
    existed = current !== undefined;
    if (current && isDeepStrictEqual([current.properties, current.policy], [properties, policy])) return undefined;
    const { subscriptionId, resourceGroup, vaultName } = vault;
    const kept = current ?? {
      vault: { subscriptionId, resourceGroup, vaultName },
      name: ref.policyName,
      createdAt: at,
    };
    return { ...kept, properties, policy, updatedAt: at };
  });
  // The vault may have been deleted since it was read; its deletion looks for policies after removing it.
  if (!(await catalog.vaults.get(ref))) {
    await catalog.vaults.removePolicy(ref, ref.policyName);
    await requireVault(catalog, ref);
  }
  // Also when nothing changed: an earlier PUT may have written the policy and failed before its instances followed.
  if (existed) await refreshDueOfPolicy(catalog, ref, ref.policyName, call.now);
  if (!written) throw new VaultError('ResourceNotFound', { resource: policyId(ref) });
  return answerPolicy(written);
};

export const getPolicy: Handler = async (call, { catalog }) =>
  answerPolicy(await requirePolicy(catalog, policyRefOf(call)));

export const listPolicies: Handler = async (call, { catalog }) => {
  const vault = vaultRefOf(call);
  await requireVault(catalog, vault);
  return answerPage(
    call,
    (page) => catalog.vaults.listPolicies(vault, page),
    (policy) => policyToWire(policy),
  );
};

/** Refused while instances use it; looked at again after the removal, as an instance may have been made meanwhile. */
export const deletePolicy: Handler = async (call, { catalog }) => {
  const ref = policyRefOf(call);
  const current = await catalog.vaults.getPolicy(ref, ref.policyName);
  if (!current) {
    await requireVault(catalog, ref);
    return { status: 204 };
  }
  checkPreconditions(call, current.etag, policyId(ref));
  await refuseInUse(catalog, ref);
  await catalog.vaults.removePolicy(ref, ref.policyName);
  try {
    await refuseInUse(catalog, ref);
  } catch (error) {
    await catalog.vaults.updatePolicy(ref, ref.policyName, (present) => (present ? undefined : current.value));
    throw error;
  }
  return { status: 200 };
};

/** Names in the message at most. */
const maximumNames = 5;

async function refuseInUse(catalog: Catalog, ref: PolicyRef): Promise<void> {
  const names: string[] = [];
  for await (const { value } of catalog.instances.each(ref)) {
    if (value.policyName.toLowerCase() === ref.policyName.toLowerCase()) names.push(value.instanceName);
    if (names.length > maximumNames) break;
  }
  if (names.length === 0) return;
  const instances = names.slice(0, maximumNames).join(', ') + (names.length > maximumNames ? ', …' : '');
  throw new VaultError('UserErrorBackupPolicyInUse', { policy: ref.policyName, instances });
}

const answerPolicy = ({ value, etag }: { readonly value: StoredPolicy; readonly etag: string }): Answer =>
  ok(policyToWire(value, etag), { etag: wireEtag(etag) });
