import { describe, expect, it } from 'vitest';
import { readBody } from '../../functions/wire/loose-object.ts';
import { readInstance, readRestore } from '../../functions/wire/from-wire.ts';
import { errorBody, operationError } from '../../functions/wire/error-body.ts';
import { deletedInstanceToWire, instanceToWire } from '../../functions/wire/instance-to-wire.ts';
import { jobToWire } from '../../functions/wire/job-to-wire.ts';
import { operationStatusToWire } from '../../functions/wire/operation-to-wire.ts';
import { policyToWire } from '../../functions/wire/policy-to-wire.ts';
import { recoveryPointToWire } from '../../functions/wire/recovery-point-to-wire.ts';
import { backupInstance, restoreRequest, validateRestore } from '../../functions/wire/schemas.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import { parseDatasource } from '../../shared/domain/datasource.ts';
import { parsePolicy } from '../../shared/domain/policy-rules.ts';
import type { BackupInstance, Job, RecoveryPoint } from '../../shared/domain/records.ts';
import { encodeOperationId } from '../../shared/domain/run-names.ts';
import { hasReference, readReference } from '../support/openapi.ts';

type Json = Record<string, unknown>;

const vault = {
  subscriptionId: '00000000-0000-0000-0000-000000000000',
  resourceGroup: 'clitest-rg',
  vaultName: 'clitest-vault',
};
const instanceName = 'oss-clitest-server-postgres-1b4f6e2e-0c0b-11ee-9d5a-002b670b472e';
const activity = '0c99ff0f-6c26-4ec7-899f-205435e89894';

/** The recorded shape: every property, and which values are null. */
const shape = (value: unknown): unknown => {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value !== 'object') return typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'ltrVault' && name !== 'eTag')
      .map(([name, item]) => [name, shape(item)]),
  );
};

describe.skipIf(!hasReference)('answers have the shape of the recorded ones:', () => {
  const sample = (name: string): Json => readReference(`samples/${name}.json`);
  const part = (from: Json, ...path: string[]): Json => path.reduce((node, key) => node[key] as Json, from);

  const sent = (): Json => part(sample('05-backup-instance-put-get'), 'request', 'body', 'properties');
  const instance = (changes: Partial<BackupInstance> = {}): BackupInstance => {
    const { friendlyName, properties, protection } = readInstance(
      readBody(backupInstance, sent()),
      vault,
      'properties',
    );
    return {
      ...vault,
      instanceName,
      friendlyName,
      properties,
      datasource: protection.datasource,
      policyName: protection.policyName,
      secretUri: protection.secretUri,
      state: 'ConfiguringProtection',
      provisioningState: 'Provisioning',
      errors: [],
      createdAt: '2023-06-27T06:00:00.000Z',
      updatedAt: '2023-06-27T06:00:00.000Z',
      ...changes,
    };
  };

  it('a backup instance, while and after it is configured', () => {
    const { created, getFinal } = sample('05-backup-instance-put-get');
    const { eTag: _, ...body } = instanceToWire(instance());
    const { ltrVault: __, ...properties } = body['properties'] as Json;
    expect({ ...body, properties }).toEqual((created as Json)['body']);
    const final = instanceToWire(instance({ state: 'ProtectionConfigured', provisioningState: 'Succeeded' }));
    expect(shape(final)).toEqual(shape((getFinal as Json)['body']));
  });

  it('a deleted backup instance, but for the purge that is not scheduled', () => {
    const deleted = deletedInstanceToWire(
      instance({
        state: 'SoftDeleted',
        deletedAt: '2023-06-27T06:22:53.000Z',
        operationId: encodeOperationId({ operation: activity, subject: activity }),
      }),
    );
    const recorded = structuredClone(part(sample('12-delete-softdelete-undelete'), 'deletedItem'));
    const info = part(recorded, 'properties', 'deletionInfo');
    delete info['scheduledPurgeTime'];
    delete info['billingEndDate'];
    (recorded['properties'] as Json)['provisioningState'] = 'x';
    expect(shape(deleted)).toEqual(shape(recorded));
  });

  it('a policy, completed as the service completes it', () => {
    const { request, response } = sample('03-policy-put');
    const { policy, properties } = parsePolicy(part(request as Json, 'body')['properties']);
    const at = '2023-06-27T06:00:00.000Z';
    const wire = policyToWire({ vault, name: 'osspolicy', properties, policy, createdAt: at, updatedAt: at });
    expect(wire).toEqual((response as Json)['body']);
  });

  const job = (changes: Partial<Job>): Job => ({
    id: '0189f5aa-0000-7000-8000-000000000001',
    vault,
    instance: { ...vault, instanceName },
    friendlyName: 'oss-clitest-server/postgres',
    datasource: parseDatasource(sent()['dataSourceInfo'], sent()['dataSourceSetInfo']),
    policyName: 'osspolicy',
    operation: 'Backup',
    status: 'InProgress',
    userTriggered: true,
    requestedBy: 'dba',
    startedAt: '2023-06-27T09:38:42.939Z',
    subTasks: [{ taskId: 1, taskName: 'Trigger Backup', status: 'InProgress' }],
    errors: [],
    warnings: [],
    attempts: 1,
    orchestrationId: 'o',
    ...changes,
  });

  it('a backup job, running and completed', () => {
    const { running, completed } = sample('07-job-backup');
    expect(shape(jobToWire(job({ retentionTag: 'default' })))).toEqual(shape(running));
    const done = jobToWire(
      job({
        status: 'Completed',
        endedAt: '2023-06-27T09:40:17.011Z',
        retentionTag: 'default',
        bytesTransferred: 2063,
        sourceBytes: 8442527,
        targetPoint: 'fe57bba53e064636b8bfa2555c561f9d',
        subTasks: [{ taskId: 1, taskName: 'Trigger Backup', status: 'Completed' }],
      }),
    );
    expect(shape(done)).toEqual(shape(completed));
    expect(part(done, 'properties')['duration']).toBe('PT1M34.0720000S');
    expect(part(done, 'properties', 'extendedInfo')['targetRecoverPoint']).toEqual(
      part(completed as Json, 'properties', 'extendedInfo')['targetRecoverPoint'],
    );
  });

  it('a restore job, as database and as files', () => {
    const { restoreAsDatabaseRunning, restoreAsFilesRunning, restoreAsFilesCompleted } = sample('08-job-restore');
    const restore: Partial<Job> = {
      operation: 'Restore',
      sourcePoint: { id: 'fe57bba53e064636b8bfa2555c561f9d', time: '2023-06-27T09:39:18.308Z' },
      recoveryDestination: 'https://x.blob.core.windows.net/c',
      subTasks: [{ taskId: 1, taskName: 'Trigger Restore', status: 'InProgress' }],
    };
    expect(shape(jobToWire(job(restore)))).toEqual(shape(restoreAsDatabaseRunning));
    const files = { ...restore, filePrefix: 'p' };
    expect(shape(jobToWire(job(files)))).toEqual(shape(restoreAsFilesRunning));
    const done = jobToWire(
      job({ ...files, status: 'Completed', endedAt: '2023-06-27T09:41:00.000Z', bytesTransferred: 0 }),
    );
    const recorded = structuredClone(restoreAsFilesCompleted) as Json;
    // The service told the bytes of a restore in the sub-task only; here they are in both places.
    part(recorded, 'properties', 'extendedInfo')['dataTransferredInBytes'] = 0;
    expect(shape(done)).toEqual(shape(recorded));
  });

  it('a recovery point, with metadata that the recording elides', () => {
    const point: RecoveryPoint = {
      id: 'b3d7f6e2a0f14b7c9c0e1a2b3c4d5e6f',
      instance: { ...vault, instanceName },
      time: '2023-06-27T06:22:53.739Z',
      tag: 'default',
      tagVersion: '638234554493011659',
      policyName: 'osspolicy',
      folder: 'f/',
      container: 'c',
      storeType: 'VaultStore',
      rawBytes: 8442527,
      storedBytes: 2063,
      serverMajor: 11,
      databaseName: 'postgres',
      state: 'COMMITTED',
      scheduled: false,
      jobId: 'j',
      createdAt: '2023-06-27T06:22:53.739Z',
    };
    const recorded = structuredClone(part(sample('09-recovery-points'), 'response', 'body'))['value'] as Json[];
    const [details] = part(recorded[0] ?? {}, 'properties')['recoveryPointDataStoresDetails'] as Json[];
    if (details) details['metaData'] = 'x';
    expect(shape(recoveryPointToWire(point))).toEqual(shape(recorded[0]));
    const [own] = part(recoveryPointToWire(point), 'properties')['recoveryPointDataStoresDetails'] as Json[];
    const decoded = JSON.parse(String(own?.['metaData'])) as Json;
    expect(sample('09-recovery-points')['metaDataStringDecoded']).toMatchObject(decoded);
  });

  it('an operation, running, done with a job, and failed', () => {
    const id = encodeOperationId({ operation: activity, subject: activity });
    const operation = {
      id,
      kind: 'Backup' as const,
      vault,
      location: 'centraluseuap',
      status: 'Inprogress' as const,
      startedAt: '2025-11-04T04:17:06.487Z',
      orchestrationId: 'o',
    };
    const statusId = `/x/operationStatus/${id}`;
    const running = sample('04-validate-for-backup')['operationStatusRunning'];
    expect(shape(operationStatusToWire(operation, statusId))).toEqual(shape(running));
    const done = { ...operation, status: 'Succeeded' as const, endedAt: '2025-11-04T04:17:48.000Z', jobId: 'j' };
    expect(shape(operationStatusToWire(done, statusId))).toEqual(
      shape(sample('06-adhoc-backup')['operationStatusDone']),
    );
    const error = new VaultError('UserErrorRestoreToLowerVersion').toRecord();
    const recorded = structuredClone(sample('13-failed-operation-status')['lowerVersion']) as Json;
    const [{ info }] = part(recorded, 'error')['additionalInfo'] as [{ info: Json }];
    info['innerError'] = null;
    const failed = { ...operation, status: 'Failed' as const, endedAt: '2021-10-22T20:47:24.000Z', error };
    expect(shape(operationStatusToWire(failed, statusId))).toEqual(shape(recorded));
    expect(operationError(error, 'c9e3c0b4-1111-4444-8888-0123456789ab')).toEqual(recorded['error']);
  });

  it('an error, word for word', () => {
    const { body } = part(sample('04-validate-for-backup'), 'alreadyProtected');
    const vaultId = `/subscriptions/${vault.subscriptionId}/resourceGroups/clitest-rg/providers/Microsoft.DataProtection/backupVaults/clitest-vault`;
    const error = new VaultError('UserErrorDppDatasourceAlreadyProtected', { vault: vaultId, instance: instanceName });
    expect(errorBody(error.toRecord(), activity)).toEqual(body);
  });
});

describe.skipIf(!hasReference)('recorded requests are understood:', () => {
  const requests = hasReference ? readReference('samples/10-restore-requests.json') : {};
  const bodyOf = (name: string): unknown => (requests[name] as Json)['body'] ?? requests[name];

  it.each(['restoreAsDatabase', 'restoreFromArchive'])('%s', (name) => {
    const { pointId, target } = readRestore(readBody(restoreRequest, bodyOf(name)));
    expect(pointId).toBe('b3d7f6e2a0f14b7c9c0e1a2b3c4d5e6f');
    expect(target).toMatchObject({ kind: 'database', database: 'postgres_restored', serverName: 'oss-clitest-server' });
  });

  it('restoreAsFiles', () => {
    const { target } = readRestore(readBody(restoreRequest, bodyOf('restoreAsFiles')));
    expect(target).toEqual({
      kind: 'files',
      url: 'https://acct.blob.core.windows.net/container',
      prefix: 'empdb11_postgresql-westus_1628853549768',
    });
  });

  it.each(['validateRestore', 'validateRestoreDocsVariant'])('%s', (name) => {
    const { restoreRequestObject } = readBody(validateRestore, bodyOf(name));
    expect(readRestore(restoreRequestObject).target).toMatchObject({ kind: 'database' });
  });
});
