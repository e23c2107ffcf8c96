import type { ActivityInput } from '../contracts.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** Ends a long-running operation as clients see it. */
export const createFinishOperation =
  ({ catalog, clock }: Pick<ActivityDependencies, 'catalog' | 'clock'>) =>
  async ({ operationId, error, note }: ActivityInput<'finish-operation'>): Promise<{ finished: true }> => {
    await catalog.operations.finish(operationId, {
      endedAt: clock().toISOString(),
      ...(error === undefined ? {} : { error }),
      ...(note === undefined ? {} : { note }),
    });
    return { finished: true };
  };
