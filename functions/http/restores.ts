import type { RestoreKind } from '../../orchestrations/contracts.ts';
import { newJobId } from '../../orchestrations/run-ids.ts';
import type { Catalog } from '../../shared/catalog/catalog.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import type { InstanceRef } from '../../shared/domain/ids.ts';
import type { Vault } from '../../shared/domain/records.ts';
import { operationRunId, restoreRunId } from '../../shared/domain/run-names.ts';
import type { Call, Handler } from '../call.ts';
import { instanceRefOf, ok } from '../call.ts';
import { accepted, newOperationId, openOperation } from '../long-running.ts';
import { requireVault } from '../resources.ts';
import { readRestore } from '../wire/from-wire.ts';
import { readBody } from '../wire/loose-object.ts';
import { restorableTimeRanges, restoreRequest, validateRestore as validateRestoreBody } from '../wire/schemas.ts';
import type { RestoreRequestBody } from '../wire/schemas.ts';
import { requireKeptInstance } from './recovery-points.ts';

/** validateRestore and restore, as database or as files. A deleted instance, whose data is kept, can be restored from too. */

interface WantedRestore {
  readonly ref: InstanceRef;
  readonly vault: Vault;
  readonly pointId: string;
  readonly target: RestoreKind;
}

async function readWanted(call: Call, catalog: Catalog, body: RestoreRequestBody): Promise<WantedRestore> {
  const ref = instanceRefOf(call);
  const { pointId, target } = readRestore(body);
  await requireKeptInstance(catalog, ref);
  const point = await catalog.points.get(ref, pointId);
  if (!point) {
    const facts = { point: body.recoveryPointId, instance: ref.instanceName };
    throw new VaultError('UserErrorRecoveryPointNotFound', facts, { target: 'recoveryPointId' });
  }
  if (point.value.storeType === 'ArchiveStore')
    throw new VaultError('UserErrorRecoveryPointArchived', { point: pointId });
  if (point.value.state === 'DAMAGED') {
    throw new VaultError('UserErrorRecoveryPointDamaged', { point: pointId, detail: 'it is marked as damaged.' });
  }
  return { ref, vault: (await requireVault(catalog, ref)).value, pointId, target };
}

export const validateRestore: Handler = async (call, { catalog, starter }) => {
  const body = readBody(validateRestoreBody, call.body);
  const { ref, vault, pointId, target } = await readWanted(call, catalog, body.restoreRequestObject);
  const id = newOperationId();
  const operation = await openOperation(catalog, {
    kind: 'ValidateRestore',
    id,
    orchestrationId: operationRunId(id),
    vault,
    now: call.now,
  });
  await starter.start({
    name: 'run-operation',
    id: operation.orchestrationId,
    input: {
      kind: 'ValidateRestore',
      operationId: id,
      request: { instance: ref, pointId, target, requestedBy: call.caller.name, operationId: id },
    },
  });
  return accepted(call, operation);
};

export const restore: Handler = async (call, { catalog, starter }) => {
  const { ref, vault, pointId, target } = await readWanted(call, catalog, readBody(restoreRequest, call.body));
  const jobId = newJobId(call.now.getTime());
  const operation = await openOperation(catalog, {
    kind: 'Restore',
    id: newOperationId(jobId),
    orchestrationId: restoreRunId(jobId),
    vault,
    now: call.now,
  });
  await starter.start({
    name: 'run-restore',
    id: operation.orchestrationId,
    input: {
      operation: 'Restore',
      instance: ref,
      jobId,
      pointId,
      target,
      requestedBy: call.caller.name,
      operationId: operation.id,
    },
  });
  return accepted(call, operation);
};

/** PostgreSQL has discrete points only (FEATURES 7.12): there never is a range. */
export const findRestorableTimeRanges: Handler = async (call, { catalog }) => {
  const ref = instanceRefOf(call);
  readBody(restorableTimeRanges, call.body);
  await requireKeptInstance(catalog, ref);
  return ok({
    id: ref.instanceName,
    type: 'Microsoft.DataProtection/backupVaults/backupInstances/findRestorableTimeRanges',
    properties: { restorableTimeRanges: [], objectType: 'AzureBackupFindRestorableTimeRangesResponse' },
  });
};
