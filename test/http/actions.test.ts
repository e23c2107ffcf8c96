import { describe, expect, it } from 'vitest';
import {
  credentials,
  datasource,
  instancePath,
  instanceProperties,
  instanceRef,
  makeInstance,
  restoreBody,
  vaultPath,
  vaultRef,
} from './bodies.ts';
import { codeOf, messageOf, useHarness } from './harness.ts';
import type { Json } from './harness.ts';
import { jobAt, openRunningJob, pointAt } from './records.ts';

const trigger = (ruleName: string, retentionTagOverride?: string): Json => ({
  backupRuleOptions: { ruleName, triggerOption: retentionTagOverride === undefined ? {} : { retentionTagOverride } },
});

describe('back up now', () => {
  const harness = useHarness();
  const backup = (body: Json, role: 'Backup.Operator' | 'Backup.Contributor' = 'Backup.Operator') =>
    harness.send('POST', `${instancePath}/backup`, { body, role });

  it('needs a protected instance', async () => {
    await makeInstance(harness);
    await harness.catalog.instances.update(
      instanceRef,
      (current) => current && { ...current, state: 'ConfiguringProtectionFailed' },
    );
    const reply = await backup(trigger('BackupWeekly'));
    expect([reply.status, codeOf(reply)]).toEqual([400, 'UserErrorProtectionNotConfigured']);
    await harness.catalog.instances.update(
      instanceRef,
      (current) => current && { ...current, state: 'ProtectionConfigured' },
    );
  });

  it('answers 202 with an empty body and starts a run with the default tag', async () => {
    const reply = await backup(trigger('BackupWeekly'));
    expect([reply.status, reply.body, reply.headers['retry-after']]).toEqual([202, {}, '30']);
    const run = harness.starter.last();
    expect(run).toMatchObject({
      name: 'run-backup',
      input: {
        operation: 'Backup',
        instance: instanceRef,
        trigger: { kind: 'adhoc', tag: 'Default' },
        requestedBy: 'dba@example.org',
      },
    });
    expect(run.id).toMatch(/^[A-Za-z0-9_.:=-]{1,100}$/);
  });

  it('takes the tag that the caller chose, in any casing, as the policy spells it', async () => {
    await backup(trigger('backupweekly', 'monthly'));
    expect(harness.starter.last().input).toMatchObject({ trigger: { kind: 'adhoc', tag: 'Monthly' } });
  });

  it('refuses a retention rule in place of the backup rule, and a tag the policy does not have', async () => {
    const rule = await backup(trigger('Monthly'));
    expect([rule.status, codeOf(rule)]).toEqual([400, 'BMSUserErrorDPPAdhocBackupNotAllowedForBackupType']);
    expect(codeOf(await backup(trigger('BackupWeekly', 'Hourly')))).toBe('BMSUserErrorInvalidInput');
  });

  it('refuses a second run of the instance while one is in progress', async () => {
    const job = jobAt('2026-03-10T12:00:00.000Z');
    await openRunningJob(harness, job);
    const reply = await backup(trigger('BackupWeekly'));
    expect([reply.status, codeOf(reply)]).toEqual([409, 'UserErrorMaxConcurrentOperationLimitReached']);
    await harness.catalog.runs.close({ instance: instanceRef, jobId: job.id, operation: 'Backup' });
  });

  it('polls to the job once the job exists', async () => {
    const accepted = await backup(trigger('BackupWeekly'));
    const running = await harness.follow(accepted.headers['location'], { role: 'Backup.Reader' });
    expect([running.status, running.headers['retry-after']]).toEqual([202, '30']);
    const { input } = harness.starter.last();
    const [operationId, jobId] = 'jobId' in input ? [input.operationId ?? '', input.jobId] : ['', ''];
    await harness.catalog.operations.finish(operationId, { endedAt: '2026-03-10T12:00:01.500Z', jobId });
    const status = await harness.follow(accepted.headers['azure-asyncoperation']);
    expect(status.body).toMatchObject({
      name: operationId,
      status: 'Succeeded',
      startTime: '2026-03-10T12:00:00.0000000Z',
      endTime: '2026-03-10T12:00:01Z',
      properties: { jobId: `${vaultPath}/backupJobs/${jobId}`, objectType: 'OperationJobExtendedInfo' },
    });
    const result = await harness.follow(accepted.headers['location']);
    expect([result.status, result.body]).toEqual([200, status.body['properties']]);
    expect(result.headers['azure-asyncoperation']).toBe(accepted.headers['azure-asyncoperation']);
  });
});

describe('validation', () => {
  const harness = useHarness();

  it('of a backup is an operation that a client with the role Operator may ask for', async () => {
    await makeInstance(harness);
    const body = { backupInstance: instanceProperties({ dataSourceInfo: datasource('fresh') }) };
    const reply = await harness.send('POST', `${vaultPath}/validateForBackup`, { body, role: 'Backup.Operator' });
    expect([reply.status, reply.headers['retry-after']]).toEqual([202, '10']);
    expect(harness.starter.last()).toMatchObject({
      input: {
        kind: 'ValidateForBackup',
        request: { vault: vaultRef, policyName: 'osspolicy', datasource: { databaseName: 'fresh' } },
      },
    });
  });

  it('of a restore is one too, and needs no job', async () => {
    const point = pointAt('2026-03-09T00:00:00.000Z');
    await harness.catalog.points.publish(point);
    const body = { restoreRequestObject: restoreBody(point.id) };
    const reply = await harness.send('POST', `${instancePath}/validateRestore`, { body, role: 'Backup.Operator' });
    expect(reply.status).toBe(202);
    expect(harness.starter.last()).toMatchObject({
      name: 'run-operation',
      input: {
        kind: 'ValidateRestore',
        request: { instance: instanceRef, pointId: point.id, target: { kind: 'database', database: 'restored' } },
      },
    });
  });
});

describe('restore', () => {
  const harness = useHarness();
  const point = pointAt('2026-03-09T00:00:00.000Z');
  const restore = (body: Json) => harness.send('POST', `${instancePath}/restore`, { body, role: 'Backup.Operator' });
  const files = (details: Json): Json => ({
    ...restoreBody(point.id),
    restoreTargetInfo: {
      objectType: 'RestoreFilesTargetInfo',
      recoveryOption: 'FailIfExists',
      restoreLocation: 'westeurope',
      targetDetails: {
        url: 'https://acct.blob.core.windows.net/container',
        filePrefix: 'p',
        restoreTargetLocationType: 'AzureBlobs',
        ...details,
      },
    },
  });

  it('as a database starts a run with the secret of the target server', async () => {
    await makeInstance(harness);
    await harness.catalog.points.publish(point);
    const reply = await restore(restoreBody(point.id));
    expect([reply.status, reply.headers['retry-after']]).toEqual([202, '30']);
    expect(harness.starter.last()).toMatchObject({
      name: 'run-restore',
      input: {
        pointId: point.id,
        target: {
          kind: 'database',
          database: 'restored',
          serverName: 'oss-server',
          secretUri: 'https://kv.vault.azure.net/secrets/name',
        },
      },
    });
  });

  it('as files starts a run with the container and prefix', async () => {
    expect((await restore(files({}))).status).toBe(202);
    expect(harness.starter.last().input).toMatchObject({
      target: { kind: 'files', url: 'https://acct.blob.core.windows.net/container', prefix: 'p' },
    });
  });

  it('accepts a request with rehydration for a point that needs none, and a point id with hyphens', async () => {
    const hyphens = point.id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5').toUpperCase();
    const body = restoreBody(hyphens, {
      objectType: 'AzureBackupRestoreWithRehydrationRequest',
      rehydrationPriority: 'Standard',
      rehydrationRetentionDuration: 'P15D',
    });
    expect((await restore(body)).status).toBe(202);
  });

  it('refuses a point that is not there, archived or damaged, each by its name', async () => {
    const missing = await restore(restoreBody('b3d7f6e2a0f14b7c9c0e1a2b3c4d5e6f'));
    expect([missing.status, codeOf(missing)]).toEqual([404, 'UserErrorRecoveryPointNotFound']);
    const archived = pointAt('2026-03-08T00:00:00.000Z', { storeType: 'ArchiveStore' });
    const damaged = pointAt('2026-03-07T00:00:00.000Z', { state: 'DAMAGED' });
    await harness.catalog.points.publish(archived);
    await harness.catalog.points.publish(damaged);
    expect(codeOf(await restore(restoreBody(archived.id)))).toBe('UserErrorRecoveryPointArchived');
    expect(codeOf(await restore(restoreBody(damaged.id)))).toBe('UserErrorRecoveryPointDamaged');
  });

  it.each([
    [
      'a point in time',
      restoreBody(point.id, { objectType: 'AzureBackupRecoveryTimeBasedRestoreRequest' }),
      'objectType',
    ],
    [
      'an overwrite',
      {
        ...restoreBody(point.id),
        restoreTargetInfo: { ...(restoreBody(point.id)['restoreTargetInfo'] as Json), recoveryOption: 'Overwrite' },
      },
      'restoreTargetInfo.recoveryOption',
    ],
    [
      'no secret',
      {
        ...restoreBody(point.id),
        restoreTargetInfo: {
          ...(restoreBody(point.id)['restoreTargetInfo'] as Json),
          datasourceAuthCredentials: undefined,
        },
      },
      'restoreTargetInfo.datasourceAuthCredentials',
    ],
    [
      'a maintenance database',
      {
        ...restoreBody(point.id),
        restoreTargetInfo: {
          objectType: 'RestoreTargetInfo',
          recoveryOption: 'FailIfExists',
          datasourceInfo: datasource('template1'),
          datasourceAuthCredentials: credentials(),
        },
      },
      'restoreTargetInfo.datasourceInfo',
    ],
    [
      'files by a SAS',
      files({ url: 'https://acct.blob.core.windows.net/container?sv=1&sig=hunter2' }),
      'restoreTargetInfo.targetDetails.url',
    ],
    [
      'files into a share',
      files({ restoreTargetLocationType: 'AzureFiles' }),
      'restoreTargetInfo.targetDetails.restoreTargetLocationType',
    ],
    ['a prefix that climbs', files({ filePrefix: '../up' }), 'restoreTargetInfo.targetDetails.filePrefix'],
  ])('refuses %s by name', async (_case, body, target) => {
    const reply = await restore(body);
    expect([reply.status, codeOf(reply)]).toEqual([400, 'BMSUserErrorInvalidInput']);
    expect((reply.body['error'] as Json)['target']).toBe(target);
    expect(messageOf(reply)).not.toContain('hunter2');
  });

  it('works from a deleted instance, whose data is kept', async () => {
    await harness.catalog.instances.markDeleted(instanceRef, harness.now.toISOString());
    expect((await restore(restoreBody(point.id))).status).toBe(202);
    const points = await harness.send('GET', `${instancePath}/recoveryPoints`);
    expect(points.body['value']).toHaveLength(3);
  });

  it('has no time ranges, only points', async () => {
    const reply = await harness.send('POST', `${instancePath}/findRestorableTimeRanges`, {
      body: { sourceDataStoreType: 'VaultStore' },
    });
    expect(reply.body['properties']).toMatchObject({ restorableTimeRanges: [] });
  });
});
