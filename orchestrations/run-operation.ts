import type { OrchestrationContext } from 'durable-functions';
import type { ErrorRecord } from '../shared/domain/errors.ts';
import type { Durable, OperationRun } from './contracts.ts';
import { checkTries, insist } from './attempts.ts';
import { failureOf } from './failures.ts';

/** One activity behind a long-running operation that has no job; whatever happens, the operation ends. */
export function* runOperation(context: OrchestrationContext): Durable<unknown> {
  const run = context.df.getInput<OperationRun>();
  const { operationId } = run;
  const outcome = yield* outcomeOf(context, run);
  yield* insist(context, 'finish-operation', { operationId, ...outcome });
  return 'error' in outcome ? { status: 'Failed', code: outcome.error.code } : { status: 'Succeeded' };
}

function* outcomeOf(
  context: OrchestrationContext,
  run: OperationRun,
): Durable<{ note: string } | { error: ErrorRecord }> {
  try {
    const { note } = yield* perform(context, run);
    return { note };
  } catch (caught) {
    return { error: failureOf(caught) };
  }
}

function* perform(context: OrchestrationContext, run: OperationRun): Durable<{ note: string }> {
  switch (run.kind) {
    case 'ValidateForBackup':
      return yield* insist(context, 'validate-backup', run.request, checkTries);
    case 'ConfigureProtection':
      return yield* insist(context, 'configure-protection', { instance: run.instance }, checkTries);
    case 'DeleteInstance':
      return yield* insist(
        context,
        'delete-instance',
        { instance: run.instance, requestedBy: run.requestedBy, operationId: run.operationId },
        checkTries,
      );
    case 'ValidateRestore':
      return yield* insist(context, 'validate-restore', run.request, checkTries);
  }
}
