import type { BackupRun, RestoreRun } from '../../orchestrations/contracts.ts';
import { failureError } from '../../orchestrations/failures.ts';
import type { ErrorFacts, ErrorCode } from '../../shared/domain/errors.ts';
import { VaultError } from '../../shared/domain/errors.ts';

/** Inputs that the tests of the orchestrators start with. */

export const startedAt = '2026-03-02T01:00:00.000Z';

export const instance = {
  subscriptionId: '11111111-1111-1111-1111-111111111111',
  resourceGroup: 'rg',
  vaultName: 'vault',
  instanceName: 'shop',
};

export const backupRun: BackupRun = {
  operation: 'Backup',
  instance,
  jobId: '019caaaa-0000-7000-8000-000000000001',
  pointId: '019caaaa000070008000000000000001',
  trigger: { kind: 'scheduled', slot: startedAt },
  requestedBy: 'schedule',
};

export const restoreRun: RestoreRun = {
  operation: 'Restore',
  instance,
  jobId: '019caaaa-0000-7000-8000-000000000002',
  pointId: backupRun.pointId,
  target: {
    kind: 'database',
    targetResourceId: '/subscriptions/x',
    database: 'shop_restored',
    secretUri: 'https://kv.example/secrets/db',
    serverName: 'db',
  },
  requestedBy: 'someone',
};

export const opened = { proceed: true, limits: { maxAttempts: 3, deadlineHours: 48 } } as const;
export const dumped = { rawBytes: 10, storedBytes: 5, tables: 1 };

/** A named failure as it leaves an activity. */
export const named = (code: ErrorCode, facts: ErrorFacts = {}): Error =>
  failureError(new VaultError(code, facts).toRecord());

/** What the host reports when the worker that ran an activity is killed (DURABLE-FACTS 4.6). */
export const workerDeath = (): Error => new Error('node exited with code 137 (0x89)');
