import { armTime } from '../../shared/domain/calendar.ts';
import { jobArmId } from '../../shared/domain/ids.ts';
import type { Operation } from '../../shared/domain/records.ts';
import { decodeOperationId } from '../../shared/domain/run-names.ts';
import { operationError } from './error-body.ts';

/** What a running operation answers as its end. */
const notSet = '0001-01-01T00:00:00Z';

/** The status of an operation, under the path it was asked by (samples 04, 06, 13). The end has whole seconds, as recorded. */
export const operationStatusToWire = (operation: Operation, id: string): Readonly<Record<string, unknown>> => ({
  id,
  name: operation.id,
  status: operation.status,
  startTime: armTime(operation.startedAt),
  endTime: operation.endedAt === undefined ? notSet : `${operation.endedAt.slice(0, 19)}Z`,
  ...((operation.jobId !== undefined || operation.note !== undefined) && {
    properties: operationResultToWire(operation),
  }),
  ...(operation.error && { error: operationError(operation.error, activityOf(operation)) }),
});

/** The result of an operation that has succeeded; the note is ours. */
export const operationResultToWire = (operation: Operation): Readonly<Record<string, unknown>> => ({
  ...(operation.jobId !== undefined && { jobId: jobArmId(operation.vault, operation.jobId) }),
  objectType: 'OperationJobExtendedInfo',
  ...(operation.note !== undefined && { ltrVault: { note: operation.note } }),
});

export const activityOf = ({ id }: Operation): string => decodeOperationId(id)?.operation ?? id;
