import type { ErrorRecord } from './errors.ts';
import type { RunClaim } from './records.ts';

/** Decisions around one run: is its worker alive, is there another attempt. */

/** Whether a claim's worker has given no sign of life for longer than `staleSeconds`. A clock that went backwards makes nothing stale. */
export const isStale = (claim: RunClaim, now: string, staleSeconds: number): boolean =>
  Date.parse(now) - Date.parse(claim.heartbeatAt) > staleSeconds * 1000;

export type NextAttempt = { retry: true; afterSeconds: number } | { retry: false; reason: string };

const firstDelaySeconds = 30;
const longestDelaySeconds = 900;

/**
 * Whether a run that failed gets another attempt: only errors that may pass by themselves, at most `maxAttempts` in all, with a doubling
 * pause (30 s to 15 min). A lost worker is replaced at once: there is nothing to wait for.
 */
export function planNextAttempt(error: ErrorRecord, attempts: number, maxAttempts: number): NextAttempt {
  if (!error.retryable) return { retry: false, reason: `${error.code} does not pass by itself` };
  if (attempts >= maxAttempts) return { retry: false, reason: `${attempts} of ${maxAttempts} attempts are used up` };
  if (error.code === 'AttemptLost') return { retry: true, afterSeconds: 0 };
  const delay = firstDelaySeconds * 2 ** Math.max(0, attempts - 1);
  return { retry: true, afterSeconds: Math.min(delay, longestDelaySeconds) };
}
