import { newJobId, newPointId } from '../../orchestrations/run-ids.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import { instanceKey } from '../../shared/domain/ids.ts';
import { backupRunId, operationRunId } from '../../shared/domain/run-names.ts';
import { tagForAdhoc } from '../../shared/domain/tagging.ts';
import type { Handler } from '../call.ts';
import { instanceRefOf, vaultRefOf } from '../call.ts';
import { accepted, newOperationId, openOperation } from '../long-running.ts';
import { requireInstance, requirePolicy, requireVault } from '../resources.ts';
import { readInstance } from '../wire/from-wire.ts';
import { readBody } from '../wire/loose-object.ts';
import { triggerBackup, validateForBackup as validateForBackupBody } from '../wire/schemas.ts';
import { requireNamedPolicy } from './named-policy.ts';
import { alreadyProtected } from './put-backup-instance.ts';

/** validateForBackup and backup: 202, then the operation. */

/** Protected by an instance already: a synchronous 400 (FEATURES 3.10), the instance's own as well. */
export const validateForBackup: Handler = async (call, { catalog, starter }) => {
  const ref = vaultRefOf(call);
  const { backupInstance } = readBody(validateForBackupBody, call.body);
  const { protection } = readInstance(backupInstance, ref, 'backupInstance');
  const vault = (await requireVault(catalog, ref)).value;
  await requireNamedPolicy(catalog, protection, 'backupInstance.policyInfo.policyId');
  const owner = await catalog.instances.protectionOf(protection.datasource.resourceId);
  if (owner) throw alreadyProtected(owner.instance);
  const id = newOperationId();
  const operation = await openOperation(catalog, {
    kind: 'ValidateForBackup',
    id,
    orchestrationId: operationRunId(id),
    vault,
    now: call.now,
  });
  await starter.start({
    name: 'run-operation',
    id: operation.orchestrationId,
    input: { kind: 'ValidateForBackup', operationId: id, request: protection },
  });
  return accepted(call, operation);
};

/** Back up now, with the tag that the caller chose or the policy's default. */
export const backupNow: Handler = async (call, { catalog, starter }) => {
  const ref = instanceRefOf(call);
  const { backupRuleOptions: options } = readBody(triggerBackup, call.body);
  const instance = (await requireInstance(catalog, ref)).value;
  const { policy } = (await requirePolicy(catalog, { ...ref, policyName: instance.policyName })).value;
  const tag = tagForAdhoc(policy, options.ruleName, options.triggerOption.retentionTagOverride);
  if (instance.state !== 'ProtectionConfigured') {
    const { instanceName, state } = instance;
    throw new VaultError('UserErrorProtectionNotConfigured', { instance: instanceName, state });
  }
  const isRunning = (await catalog.runs.active()).some(
    (run) => run.operation === 'Backup' && instanceKey(run.instance) === instanceKey(ref),
  );
  // An early answer only: open-backup decides under the row's ETag.
  if (isRunning) throw new VaultError('UserErrorMaxConcurrentOperationLimitReached', { operation: 'backup', limit: 1 });
  const vault = (await requireVault(catalog, ref)).value;
  const jobId = newJobId(call.now.getTime());
  const operation = await openOperation(catalog, {
    kind: 'Backup',
    id: newOperationId(jobId),
    orchestrationId: backupRunId(jobId),
    vault,
    now: call.now,
  });
  await starter.start({
    name: 'run-backup',
    id: operation.orchestrationId,
    input: {
      operation: 'Backup',
      instance: ref,
      jobId,
      pointId: newPointId(jobId),
      trigger: { kind: 'adhoc', tag },
      requestedBy: call.caller.name,
      operationId: operation.id,
    },
  });
  return accepted(call, operation);
};
