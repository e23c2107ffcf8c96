import type { OrchestrationContext } from 'durable-functions';
import type { Durable, OperationRun } from './contracts.ts';
import { insist } from './attempts.ts';
import { call } from './contracts.ts';
import { failureOf } from './failures.ts';

/** One activity behind a long-running operation that has no job; whatever happens, the operation ends. */
export function* runOperation(context: OrchestrationContext): Durable<unknown> {
  const run = context.df.getInput<OperationRun>();
  const { operationId } = run;
  try {
    const { note } = yield* perform(context, run);
    yield* insist(context, 'finish-operation', { operationId, note });
    return { status: 'Succeeded' };
  } catch (caught) {
    const error = failureOf(caught);
    yield* insist(context, 'finish-operation', { operationId, error });
    return { status: 'Failed', code: error.code };
  }
}

function* perform(context: OrchestrationContext, run: OperationRun): Durable<{ note: string }> {
  switch (run.kind) {
    case 'ValidateForBackup':
      return yield* call(context, 'validate-backup', run.request);
    case 'ConfigureProtection':
      return yield* call(context, 'configure-protection', { instance: run.instance });
    case 'DeleteInstance':
      return yield* call(context, 'delete-instance', { instance: run.instance, requestedBy: run.requestedBy });
    case 'ValidateRestore':
      return yield* call(context, 'validate-restore', run.request);
  }
}
