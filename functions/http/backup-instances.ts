import { VaultError } from '../../shared/domain/errors.ts';
import { instanceId, instanceKey } from '../../shared/domain/ids.ts';
import type { InstanceRef } from '../../shared/domain/ids.ts';
import type { BackupInstance } from '../../shared/domain/records.ts';
import { operationRunId } from '../../shared/domain/run-names.ts';
import type { Answer, Call, Handler, Services } from '../call.ts';
import { instanceRefOf, ok, vaultRefOf } from '../call.ts';
import { accepted, newOperationId, openOperation } from '../long-running.ts';
import { currentInstance } from '../lost-operations.ts';
import { answerPage } from '../paging.ts';
import { checkPreconditions } from '../preconditions.ts';
import { requireInstance, requireVault } from '../resources.ts';
import { deletedInstanceToWire, instanceEtag, instanceToWire } from '../wire/instance-to-wire.ts';

/** Backup instances: read, list, delete; their PUT has a file of its own. */

export const answerInstance = (
  instance: BackupInstance,
  status: 200 | 201 = 200,
  headers: Readonly<Record<string, string>> = {},
): Answer => ({ ...ok(instanceToWire(instance), { etag: instanceEtag(instance), ...headers }), status });

export const getInstance: Handler = async (call, services) => {
  const { value } = await requireInstance(services.catalog, instanceRefOf(call));
  return answerInstance(await currentInstance(services, value, call));
};

export const listInstances: Handler = async (call, { catalog }) => {
  const vault = vaultRefOf(call);
  await requireVault(catalog, vault);
  return answerPage(call, (page) => catalog.instances.list(vault, page), instanceToWire);
};

export const getDeletedInstance: Handler = async (call, { catalog }) => {
  const ref = instanceRefOf(call);
  const deleted = await catalog.instances.getDeleted(ref);
  if (deleted) return ok(deletedInstanceToWire(deleted.value));
  await requireVault(catalog, ref);
  throw new VaultError('UserErrorGenericResourceNotFound', { resource: call.path });
};

export const listDeletedInstances: Handler = async (call, { catalog }) => {
  const vault = vaultRefOf(call);
  await requireVault(catalog, vault);
  return answerPage(call, (page) => catalog.instances.listDeleted(vault, page), deletedInstanceToWire);
};

/** Says at once what the operation's result says again (FEATURES 8.4 deletes the data; this does not). */
const keptNote = 'The backup data is kept; it is listed under deletedBackupInstances.';

/** Ends protection: 202, or 204 when there is none. Refused while a run of the instance is in progress. */
export const deleteInstance: Handler = async (call, services) => {
  const { catalog } = services;
  const ref = instanceRefOf(call);
  const vault = (await requireVault(catalog, ref)).value;
  const current = (await catalog.instances.get(ref))?.value;
  if (!current) return { status: 204 };
  const open = await openOperationOf(services, current);
  const operationId = current.state === 'SoftDeleting' && open !== undefined ? open : newOperationId();
  await markDeleting(call, services, ref, { open, operationId });
  const operation = await openOperation(catalog, {
    kind: 'DeleteInstance',
    id: operationId,
    orchestrationId: operationRunId(operationId),
    vault,
    now: call.now,
  });
  await services.starter.start({
    name: 'run-operation',
    id: operation.orchestrationId,
    input: { kind: 'DeleteInstance', operationId, instance: ref, requestedBy: call.caller.name },
  });
  return accepted(call, operation, { 'x-ms-ltrvault-note': keptNote });
};

/**
 * The state is written before the runs are looked at: from then on no run opens, so none can slip between the two. With a run in
 * progress the state goes back.
 */
async function markDeleting(
  call: Call,
  { catalog }: Services,
  ref: InstanceRef,
  { open, operationId }: { open: string | undefined; operationId: string },
): Promise<void> {
  let before: BackupInstance | undefined;
  await catalog.instances.update(ref, (current) => {
    before = current;
    if (!current) return undefined;
    checkPreconditions(call, instanceEtag(current), instanceId(ref));
    const isOther = current.operationId === open && current.operationId !== operationId && open !== undefined;
    if (isOther) throw new VaultError('UserErrorConcurrentUpdate', { resource: instanceId(ref) });
    return { ...current, state: 'SoftDeleting', operationId, updatedAt: call.now.toISOString() };
  });
  const isBusy = (await catalog.runs.active()).some((run) => instanceKey(run.instance) === instanceKey(ref));
  if (!isBusy) return;
  const { state, operationId: former } = before ?? {};
  await catalog.instances.update(ref, (current) => {
    if (current?.operationId !== operationId || state === undefined) return undefined;
    const { operationId: _, ...rest } = current;
    return { ...rest, state, ...(former !== undefined && { operationId: former }) };
  });
  throw new VaultError('UserErrorMaxConcurrentOperationLimitReached', { operation: 'backup or restore', limit: 1 });
}

const inTransition: readonly string[] = ['ConfiguringProtection', 'UpdatingProtection', 'SoftDeleting'];

/** The operation of an instance that has not ended; also one whose row was not written before the process died. */
export async function openOperationOf(
  { catalog }: Pick<Services, 'catalog'>,
  { operationId, state }: BackupInstance,
): Promise<string | undefined> {
  if (operationId === undefined) return undefined;
  const operation = await catalog.operations.get(operationId);
  const isOpen = operation ? operation.status === 'Inprogress' : inTransition.includes(state);
  return isOpen ? operationId : undefined;
}
