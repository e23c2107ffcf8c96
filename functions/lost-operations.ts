import { VaultError } from '../shared/domain/errors.ts';
import { protectionFailed } from '../shared/domain/protection.ts';
import type { BackupInstance, Operation } from '../shared/domain/records.ts';
import type { Call, Services } from './call.ts';

/** Between the row of an operation and the start of its orchestration: a crash in between is only sure after this. */
const graceMilliseconds = 30_000;

type Needs = Pick<Services, 'catalog' | 'starter'>;
type Moment = Pick<Call, 'now' | 'correlationId'>;

const unexpected = ({ correlationId }: Moment) => new VaultError('InternalServerError', { correlationId }).toRecord();

/**
 * An operation as it stands. One whose orchestration is gone without having ended it is ended here as Failed, so that no client
 * polls for ever.
 */
export async function currentOperation(
  { catalog, starter }: Needs,
  operation: Operation,
  call: Moment,
): Promise<Operation> {
  const age = call.now.getTime() - Date.parse(operation.startedAt);
  if (operation.status !== 'Inprogress' || age < graceMilliseconds) return operation;
  if ((await starter.state(operation.orchestrationId)) === 'running') return operation;
  // Read again: the orchestration ends its operation first and itself afterwards.
  const again = await catalog.operations.get(operation.id);
  if (again?.status !== 'Inprogress') return again ?? operation;
  await catalog.operations.finish(operation.id, { endedAt: call.now.toISOString(), error: unexpected(call) });
  return (await catalog.operations.get(operation.id)) ?? operation;
}

/**
 * An instance as it stands. One that is shown as being configured by an operation that has failed, or that was never written, is
 * settled as such a failure is: clients wait for a final state here too (FEATURES 1.11), and the next PUT starts anew.
 */
export async function currentInstance(needs: Needs, instance: BackupInstance, call: Moment): Promise<BackupInstance> {
  const { operationId, state } = instance;
  if (operationId === undefined || !/^(ConfiguringProtection|UpdatingProtection)$/.test(state)) return instance;
  const stored = await needs.catalog.operations.get(operationId);
  const operation = stored && (await currentOperation(needs, stored, call));
  const isLost = operation === undefined && call.now.getTime() - Date.parse(instance.updatedAt) >= graceMilliseconds;
  if (operation?.status !== 'Failed' && !isLost) return instance;
  const settled = await needs.catalog.instances.update(instance, (current) => {
    if (current?.operationId !== operationId || current.state !== state) return undefined;
    return protectionFailed(current, operation?.error ?? unexpected(call), call.now.toISOString());
  });
  return settled?.value ?? instance;
}
