import { VaultError } from '../shared/domain/errors.ts';
import type { Operation } from '../shared/domain/records.ts';
import type { Services } from './call.ts';

/** Between the row of an operation and the start of its orchestration: a crash in between is only sure after this. */
const graceMilliseconds = 30_000;

/**
 * An operation as it stands. One whose orchestration is gone without having ended it is ended here as Failed, so that no client
 * polls for ever; its instance, if it was being configured, becomes ConfiguringProtectionFailed and can be put again.
 */
export async function currentOperation(
  { catalog, starter }: Pick<Services, 'catalog' | 'starter'>,
  operation: Operation,
  call: { readonly now: Date; readonly correlationId: string },
): Promise<Operation> {
  const age = call.now.getTime() - Date.parse(operation.startedAt);
  if (operation.status !== 'Inprogress' || age < graceMilliseconds) return operation;
  if ((await starter.state(operation.orchestrationId)) === 'running') return operation;
  // Read again: the orchestration ends its operation first and itself afterwards.
  const again = await catalog.operations.get(operation.id);
  if (again?.status !== 'Inprogress') return again ?? operation;
  const { correlationId } = call;
  const error = new VaultError('InternalServerError', { correlationId }).toRecord();
  await catalog.operations.finish(operation.id, { endedAt: call.now.toISOString(), error });
  return (await catalog.operations.get(operation.id)) ?? operation;
}
