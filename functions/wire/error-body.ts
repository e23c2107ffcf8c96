import type { ErrorRecord } from '../../shared/domain/errors.ts';

/** The only place that renders errors (ERRORS.md §1). */

/** A UserFacingError: of a job, of an instance, or inside an error body. The service sends isUserError false with user errors too. */
export const userFacingError = (error: ErrorRecord, activityId: string): Readonly<Record<string, unknown>> => ({
  message: error.message,
  recommendedAction: [error.recommendedAction],
  details: null,
  code: error.code,
  target: error.target,
  innerError: null,
  isRetryable: error.retryable,
  isUserError: false,
  properties: { ActivityId: activityId },
});

/** The error of a failed operation. */
export const operationError = (error: ErrorRecord, activityId: string): Readonly<Record<string, unknown>> => ({
  additionalInfo: [{ type: 'UserFacingError', info: userFacingError(error, activityId) }],
  code: error.code,
  message: error.message,
  target: error.target === '' ? null : error.target,
  details: null,
});

/** The body of an answer that is an error. */
export const errorBody = (
  error: ErrorRecord,
  activityId: string,
): { readonly error: Readonly<Record<string, unknown>> } => ({
  error: operationError(error, activityId),
});
