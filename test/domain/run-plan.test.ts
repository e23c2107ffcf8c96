import { describe, expect, it } from 'vitest';
import { VaultError } from '../../shared/domain/errors.ts';
import { defaultVaultSettings } from '../../shared/domain/records.ts';
import type { RunClaim } from '../../shared/domain/records.ts';
import { admitRun, isStale, planNextAttempt } from '../../shared/domain/run-plan.ts';

const at = '2026-01-01T12:00:00.000Z';
const instance = (instanceName: string, vaultName = 'vault') => ({
  subscriptionId: 's',
  resourceGroup: 'rg',
  vaultName,
  instanceName,
});
const claim = (jobId: string, name: string, changes: Partial<RunClaim> & { vault?: string } = {}): RunClaim => {
  const { vault, ...rest } = changes;
  return {
    instance: instance(name, vault),
    jobId,
    operation: 'Backup',
    orchestrationId: `backup:${jobId}`,
    openedAt: at,
    heartbeatAt: at,
    ...rest,
  };
};
const settings = { ...defaultVaultSettings, maxConcurrentRuns: 3, maxConcurrentRunsPerServer: 2 };
const admit = (openClaims: RunClaim[], server?: string) =>
  admitRun({ instance: instance('shop'), jobId: 'j0', openClaims, settings, ...(server !== undefined && { server }) });

describe('a run', () => {
  it('begins when nothing stands in its way, its own claim included', () => {
    expect(admit([])).toEqual({ admitted: true });
    expect(admit([claim('j0', 'shop'), claim('j1', 'other')], 'db:5432')).toEqual({ admitted: true });
  });

  it('does not begin beside another run of its instance', () => {
    expect(admit([claim('j1', 'SHOP')])).toEqual({
      admitted: false,
      limit: 'instance',
      reason: `Backup j1 of this backup instance is still running since ${at}`,
    });
  });

  it('does not begin when the vault has its number of runs; other vaults do not count', () => {
    const three = [claim('j1', 'a'), claim('j2', 'b'), claim('j3', 'c')];
    expect(admit(three)).toMatchObject({ admitted: false, limit: 'vault' });
    expect(admit([...three.slice(1), claim('j4', 'd', { vault: 'other' })])).toEqual({ admitted: true });
  });

  it('does not begin when its server has its number of runs, of whatever vault', () => {
    const two = [claim('j1', 'a', { server: 'db:5432' }), claim('j2', 'b', { server: 'db:5432', vault: 'other' })];
    expect(admit(two, 'db:5432')).toMatchObject({ admitted: false, limit: 'server' });
    expect(admit(two, 'db:5433')).toEqual({ admitted: true });
    expect(admit(two)).toEqual({ admitted: true });
  });
});

describe('a claim', () => {
  it('is stale when its heartbeat is older than allowed', () => {
    expect(isStale(claim('j', 'a'), '2026-01-01T12:02:00.000Z', 120)).toBe(false);
    expect(isStale(claim('j', 'a'), '2026-01-01T12:02:00.001Z', 120)).toBe(true);
    expect(isStale(claim('j', 'a'), '2025-01-01T00:00:00.000Z', 120)).toBe(false);
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
