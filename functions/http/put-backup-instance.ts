import type { Catalog } from '../../shared/catalog/catalog.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import { instanceId, instanceKey, vaultId } from '../../shared/domain/ids.ts';
import type { InstanceRef } from '../../shared/domain/ids.ts';
import type { BackupInstance, Vault } from '../../shared/domain/records.ts';
import { settingsInForce } from '../../shared/domain/protection.ts';
import { operationRunId } from '../../shared/domain/run-names.ts';
import type { Answer, Call, Handler, Services } from '../call.ts';
import { instanceRefOf } from '../call.ts';
import { decideChange, refuseOtherDatasource } from '../instance-changes.ts';
import type { InstanceChange, Wanted } from '../instance-changes.ts';
import { asyncOperationHeaders, newOperationId, openOperation } from '../long-running.ts';
import { checkPreconditions } from '../preconditions.ts';
import { requireVault } from '../resources.ts';
import { readInstance } from '../wire/from-wire.ts';
import { instanceEtag } from '../wire/instance-to-wire.ts';
import { readBody } from '../wire/loose-object.ts';
import { instancePut } from '../wire/schemas.ts';
import { answerInstance, openOperationOf } from './backup-instances.ts';
import { requireNamedPolicy } from './named-policy.ts';

/**
 * Configures protection: 201 with the instance in ConfiguringProtection and the operation to poll (sample 05). A change of policy or
 * secret answers 200 with an operation, a PUT that says what is so already 200 without one.
 */
export const putInstance: Handler = async (call, services) => {
  const { catalog } = services;
  const ref = instanceRefOf(call);
  const body = readBody(instancePut, call.body);
  const wanted: Wanted = { ...readInstance(body.properties, ref, 'properties'), tags: body.tags };
  const vault = (await requireVault(catalog, ref)).value;
  await requireNamedPolicy(catalog, wanted.protection, 'properties.policyInfo.policyId');
  const deleted = await catalog.instances.getDeleted(ref);
  if (deleted) refuseOtherDatasource(deleted.value, wanted);
  await claimDatasource(catalog, ref, wanted);
  try {
    const { instance, change } = await write(call, services, ref, wanted);
    await confirm(catalog, ref, wanted, instance);
    return await configure(call, services, { vault, instance, change });
  } catch (error) {
    await giveBackClaim(catalog, ref, wanted);
    throw error;
  }
};

async function write(
  call: Call,
  services: Services,
  ref: InstanceRef,
  wanted: Wanted,
): Promise<{ instance: BackupInstance; change: InstanceChange }> {
  const { catalog } = services;
  const before = await catalog.instances.get(ref);
  const open = before && (await openOperationOf(services, before.value));
  const operationId = newOperationId();
  let change: InstanceChange = { kind: 'unchanged' };
  const written = await catalog.instances.update(ref, (current) => {
    checkPreconditions(call, current && instanceEtag(current), instanceId(ref));
    change = decideChange(current, wanted, open);
    if (change.kind !== 'configure') return undefined;
    return { ...configured(call, ref, wanted, current), state: change.state, operationId };
  });
  if (!written) throw new VaultError('UserErrorConcurrentUpdate', { resource: instanceId(ref) });
  return { instance: written.value, change };
}

/** The row of an instance about to be configured; what backups have recorded on it stays. */
function configured(
  call: Call,
  ref: InstanceRef,
  { protection, friendlyName, properties, tags }: Wanted,
  current: BackupInstance | undefined,
): Omit<BackupInstance, 'state'> {
  const at = call.now.toISOString();
  const { tags: _, ...kept } = current ?? { ...ref, createdAt: at, tags: undefined };
  const previous = current && settingsInForce(current);
  return {
    ...kept,
    ...(previous && { previous }),
    friendlyName,
    ...(tags && { tags }),
    properties,
    datasource: protection.datasource,
    policyName: protection.policyName,
    secretUri: protection.secretUri,
    provisioningState: current ? 'Updating' : 'Provisioning',
    errors: [],
    updatedAt: at,
  };
}

/** Opens the operation and starts it; a start that was made already changes nothing. */
async function configure(
  call: Call,
  { catalog, starter }: Services,
  { vault, instance, change }: { vault: Vault; instance: BackupInstance; change: InstanceChange },
): Promise<Answer> {
  const { operationId } = instance;
  if (change.kind === 'unchanged' || operationId === undefined) return answerInstance(instance);
  const operation = await openOperation(catalog, {
    kind: 'ConfigureProtection',
    id: operationId,
    orchestrationId: operationRunId(operationId),
    vault,
    now: call.now,
  });
  const { subscriptionId, resourceGroup, vaultName, instanceName } = instance;
  await starter.start({
    name: 'run-operation',
    id: operation.orchestrationId,
    input: {
      kind: 'ConfigureProtection',
      operationId,
      instance: { subscriptionId, resourceGroup, vaultName, instanceName },
    },
  });
  const status = instance.provisioningState === 'Provisioning' ? 201 : 200;
  return answerInstance(instance, status, asyncOperationHeaders(call, operation));
}

async function claimDatasource(catalog: Catalog, ref: InstanceRef, wanted: Wanted): Promise<void> {
  const { instance: owner } = await catalog.instances.claimResource(wanted.protection.datasource.resourceId, ref);
  if (instanceKey(owner) !== instanceKey(ref)) throw alreadyProtected(owner);
}

export const alreadyProtected = (owner: InstanceRef): VaultError =>
  new VaultError('UserErrorDppDatasourceAlreadyProtected', { vault: vaultId(owner), instance: owner.instanceName });

/** A claim without an instance would keep the datasource from ever being protected. */
async function giveBackClaim(catalog: Catalog, ref: InstanceRef, wanted: Wanted): Promise<void> {
  const { resourceId } = wanted.protection.datasource;
  const current = await catalog.instances.get(ref);
  const isUsed = current?.value.datasource.resourceId.toLowerCase() === resourceId.toLowerCase();
  if (!isUsed) await catalog.instances.release(ref, resourceId);
}

/**
 * Looked at again after the write: the deletion of a vault or policy looks for instances after its removal, so of two that cross at
 * least one sees the other; and a PUT of the same name that failed meanwhile may have given the claim back. A new instance that does
 * not hold is taken back.
 */
async function confirm(catalog: Catalog, ref: InstanceRef, wanted: Wanted, instance: BackupInstance): Promise<void> {
  const { operationId, provisioningState, policyName } = instance;
  try {
    await claimDatasource(catalog, ref, wanted);
    await requireVault(catalog, ref);
    await requireNamedPolicy(catalog, { vault: ref, policyName }, 'properties.policyInfo.policyId');
  } catch (error) {
    if (operationId !== undefined && provisioningState === 'Provisioning')
      await catalog.instances.discard(ref, operationId);
    throw error;
  }
}
