import { describe, expect, it } from 'vitest';
import { VaultError } from '../../shared/domain/errors.ts';
import type { RunClaim } from '../../shared/domain/records.ts';
import { isStale, planNextAttempt } from '../../shared/domain/run-plan.ts';

const at = '2026-01-01T12:00:00.000Z';
const claim = (jobId: string): RunClaim => ({
  instance: { subscriptionId: 's', resourceGroup: 'rg', vaultName: 'vault', instanceName: 'a' },
  jobId,
  operation: 'Backup',
  orchestrationId: `backup:${jobId}`,
  openedAt: at,
  heartbeatAt: at,
});

describe('a claim', () => {
  it('is stale when its heartbeat is older than allowed', () => {
    expect(isStale(claim('j'), '2026-01-01T12:02:00.000Z', 120)).toBe(false);
    expect(isStale(claim('j'), '2026-01-01T12:02:00.001Z', 120)).toBe(true);
    expect(isStale(claim('j'), '2025-01-01T00:00:00.000Z', 120)).toBe(false);
  });
});

describe('another attempt', () => {
  const closed = new VaultError('UserErrorServerConnectionClosed').toRecord();

  it('is made for what may pass by itself, later each time', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map((attempts) => planNextAttempt(closed, attempts, 10))).toEqual(
      [30, 60, 120, 240, 480, 900, 900].map((afterSeconds) => ({ retry: true, afterSeconds })),
    );
  });

  it('is made at once when the worker was lost', () => {
    expect(planNextAttempt(new VaultError('AttemptLost').toRecord(), 2, 3)).toEqual({ retry: true, afterSeconds: 0 });
  });

  it('is not made when the attempts are used up or the error stays', () => {
    expect(planNextAttempt(closed, 3, 3)).toEqual({ retry: false, reason: '3 of 3 attempts are used up' });
    const wrong = new VaultError('UserErrorDBUserAuthFailed', { server: 'db' }).toRecord();
    expect(planNextAttempt(wrong, 1, 3)).toEqual({
      retry: false,
      reason: 'UserErrorDBUserAuthFailed does not pass by itself',
    });
  });
});
