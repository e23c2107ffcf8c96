import type { ErrorRecord } from './errors.ts';
import { instanceKey, vaultKey } from './ids.ts';
import type { InstanceRef } from './ids.ts';
import type { RunClaim, VaultSettings } from './records.ts';

/** Decisions around one run: may it begin, is its worker alive, is there another attempt. */

export type Admission =
  | { admitted: true }
  | {
      admitted: false;
      /** `instance`: another run of the same instance is open; the others are caps, and waiting helps. */
      limit: 'instance' | 'vault' | 'server';
      reason: string;
    };

/**
 * Whether a run of an instance may begin beside the runs that are open. `server` is `host:port`, when known; the cap per server counts
 * runs of all vaults, so `openClaims` should be all of them. A claim of the job itself never stands in its way (a repeated call).
 */
export function admitRun(input: {
  instance: InstanceRef;
  jobId: string;
  server?: string;
  openClaims: readonly RunClaim[];
  settings: VaultSettings;
}): Admission {
  const { instance, jobId, server, settings } = input;
  const others = input.openClaims.filter((claim) => claim.jobId !== jobId);
  const same = others.find((claim) => instanceKey(claim.instance) === instanceKey(instance));
  if (same) {
    const reason = `${same.operation} ${same.jobId} of this backup instance is still running since ${same.openedAt}`;
    return { admitted: false, limit: 'instance', reason };
  }
  const inVault = others.filter((claim) => vaultKey(claim.instance) === vaultKey(instance)).length;
  if (inVault >= settings.maxConcurrentRuns) {
    return { admitted: false, limit: 'vault', reason: `${inVault} runs of this vault are in progress` };
  }
  const onServer = server === undefined ? 0 : others.filter((claim) => claim.server === server).length;
  if (onServer >= settings.maxConcurrentRunsPerServer) {
    return { admitted: false, limit: 'server', reason: `${onServer} runs against ${server ?? ''} are in progress` };
  }
  return { admitted: true };
}

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
