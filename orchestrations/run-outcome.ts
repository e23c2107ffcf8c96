import type { ErrorRecord } from '../shared/domain/errors.ts';
import type { RunOutcome } from './contracts.ts';

/** A run that was not let in: whoever refused it has recorded why. */
export interface NotRun {
  status: 'NotRun';
}

/** How a run ends that met this failure: a cancel is not a failure. */
export const outcomeOf = (error: ErrorRecord): RunOutcome =>
  error.code === 'UserErrorOperationCancelled' ? { status: 'Cancelled', error } : { status: 'Failed', error };
