import { setTimeout as delay } from 'node:timers/promises';
import type { RetryContext, RetryPolicy } from './core-types.ts';

function waitMs(policy: RetryPolicy, failures: number): number {
  if (policy.retryStrategy === 'fixedDelay') return (policy.delayInterval?.seconds ?? 0) * 1000;
  const shortest = (policy.minimumInterval?.seconds ?? 0) * 1000;
  const longest = (policy.maximumInterval?.seconds ?? 0) * 1000;
  return Math.min(shortest * 2 ** (failures - 1), Math.max(longest, shortest));
}

/**
 * Runs a function under its own retry policy, which the host knows for timers. A run after a failure is told of it.
 * @throws what the last run threw
 */
export async function withRetries<T>(
  policy: RetryPolicy | undefined,
  run: (context: RetryContext | undefined) => Promise<T>,
): Promise<T> {
  let context: RetryContext | undefined;
  for (let failures = 1; ; failures += 1) {
    try {
      return await run(context);
    } catch (error) {
      const limit = policy?.maxRetryCount ?? 0;
      if (policy === undefined || (limit >= 0 && failures > limit)) throw error;
      const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
      context = { retryCount: failures, maxRetryCount: limit, exception: { source: '', stackTrace: stack, message } };
      await delay(waitMs(policy, failures));
    }
  }
}
