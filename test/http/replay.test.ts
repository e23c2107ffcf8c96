import { describe, expect, it } from 'vitest';
import { hasReference, readReference } from '../support/openapi.ts';
import { policyBody, vaultBody } from './bodies.ts';
import { useHarness } from './harness.ts';
import type { Harness, Json, Reply } from './harness.ts';
import { pointAt } from './records.ts';

/** The recorded exchanges and the contract's examples for PostgreSQL, sent as they are; the harness holds every answer to the contract. */

const sample = (name: string): Json => readReference(`samples/${name}.json`);

const requestOf = (from: Json): { method: string; path: string; body: Json } =>
  from['request'] as { method: string; path: string; body: Json };

const configured = (harness: Harness, path: string): Promise<unknown> => {
  const [, , subscriptionId = '', , resourceGroup = '', , , , vaultName = '', , instanceName = ''] = path.split('/');
  const ref = { subscriptionId, resourceGroup, vaultName, instanceName };
  return harness.catalog.instances.update(ref, (current) => {
    if (!current) throw new Error('There is no such instance.');
    const { operationId: _, ...rest } = current;
    return { ...rest, state: 'ProtectionConfigured', provisioningState: 'Succeeded' };
  });
};

/** What is ours to say and differs from the recording: the ETag, our own settings, the principal. */
function comparable(body: Json): Json {
  const copy = structuredClone(body);
  delete copy['eTag'];
  const properties = copy['properties'] as Json | undefined;
  if (properties) delete properties['ltrVault'];
  delete (copy['identity'] as Json | undefined)?.['principalId'];
  return copy;
}

describe.skipIf(!hasReference)('the recorded exchanges', () => {
  const harness = useHarness();
  const replay = ({ method, path, body }: { method: string; path: string; body: Json }): Promise<Reply> =>
    harness.send(method, path, { body });
  const instancePath = hasReference ? requestOf(sample('05-backup-instance-put-get')).path : '';

  it('01: a vault is made', async () => {
    const recorded = sample('01-vault-put');
    const reply = await replay(requestOf(recorded));
    const { status, body } = recorded['response'] as { status: number; body: Json };
    expect(reply.status).toBe(status);
    expect(comparable(reply.body)).toEqual(comparable(body));
    expect(JSON.parse(reply.headers['x-ms-arm-resource-system-data'] ?? '')).toMatchObject({
      lastModifiedByType: 'User',
    });
  });

  it('03: a policy is made', async () => {
    const recorded = sample('03-policy-put');
    const reply = await replay(requestOf(recorded));
    expect(comparable(reply.body)).toEqual((recorded['response'] as Json)['body']);
  });

  it('04: a datasource is validated, and refused once it is protected', async () => {
    const reply = await replay(requestOf(sample('04-validate-for-backup')));
    const { status, headers } = sample('04-validate-for-backup')['accepted'] as {
      status: number;
      headers: Record<string, string>;
    };
    expect(reply.status).toBe(status);
    for (const [name, value] of Object.entries(headers)) {
      const form = value
        .replace(/[A-Za-z0-9]{98}==/, '<id>')
        .replace('https://management.azure.com', 'https://vault.example.org');
      expect(reply.headers[name.toLowerCase()]?.replace(/[A-Za-z0-9]{98}==/, '<id>')).toBe(form);
    }
  });

  it('05: protection is configured', async () => {
    const recorded = sample('05-backup-instance-put-get');
    const reply = await replay(requestOf(recorded));
    expect([reply.status, reply.headers['retry-after']]).toEqual([201, '15']);
    expect(comparable(reply.body)).toEqual((recorded['created'] as Json)['body']);
    await configured(harness, instancePath);
    const { alreadyProtected } = sample('04-validate-for-backup') as {
      alreadyProtected: { status: number; body: { error: Json } };
    };
    const refused = await replay(requestOf(sample('04-validate-for-backup')));
    expect([refused.status, (refused.body['error'] as Json)['message']]).toEqual([
      alreadyProtected.status,
      alreadyProtected.body.error['message'],
    ]);
  });

  it('06: a backup is triggered, with an override and without', async () => {
    const { request, requestWithoutOverride } = sample('06-adhoc-backup') as {
      request: { method: string; path: string; body: Json };
      requestWithoutOverride: Json;
    };
    expect((await replay({ ...request, body: requestWithoutOverride })).status).toBe(202);
    // The recorded policy has no tag Weekly: the named one is refused, the policy's own is taken.
    expect((await replay(request)).status).toBe(400);
    const monthly = {
      backupRuleOptions: { ruleName: 'BackupWeekly', triggerOption: { retentionTagOverride: 'Monthly' } },
    };
    expect((await replay({ ...request, body: monthly })).status).toBe(202);
  });

  it('10: restores are validated and started, also from a request with rehydration', async () => {
    const recorded = sample('10-restore-requests') as Record<string, { method: string; path: string; body: Json }>;
    const [, , subscriptionId = '', , resourceGroup = '', , , , vaultName = '', , instanceName = ''] =
      instancePath.split('/');
    const point = pointAt('2026-03-09T00:00:00.000Z', {
      instance: { subscriptionId, resourceGroup, vaultName, instanceName },
    });
    await harness.catalog.points.publish(point);
    for (const name of ['validateRestore', 'restoreAsDatabase', 'restoreAsFiles', 'restoreFromArchive']) {
      const request = recorded[name];
      if (!request) throw new Error(`The sample has no ${name}.`);
      const body = JSON.parse(
        JSON.stringify(request.body).replaceAll('b3d7f6e2a0f14b7c9c0e1a2b3c4d5e6f', point.id),
      ) as Json;
      expect((await replay({ ...request, body })).status, name).toBe(202);
    }
  });

  it('12: protection ends with 202, a missing instance with 204, and a deleted one that is not there with the recorded 404', async () => {
    expect((await harness.send('DELETE', instancePath)).status).toBe(202);
    expect((await harness.send('DELETE', `${instancePath}-none`)).status).toBe(204);
    const missing = await harness.send('GET', instancePath.replace('backupInstances', 'deletedBackupInstances'));
    const { undeleteMissing } = sample('12-delete-softdelete-undelete') as {
      undeleteMissing: { status: number; headers: Json; body: { error: Json } };
    };
    expect(missing.status).toBe(undeleteMissing.status);
    expect(missing.headers).toMatchObject(undeleteMissing.headers);
    expect((missing.body['error'] as Json)['message']).toBe(undeleteMissing.body.error['message']);
  });

  it('14: a whole flexible server is refused by name', async () => {
    const { backupInstance } = sample('14-flexible-server') as { backupInstance: Json };
    const body = {
      properties: {
        ...(backupInstance['properties'] as Json),
        datasourceAuthCredentials: {
          objectType: 'SecretStoreBasedAuthCredentials',
          secretStoreResource: { secretStoreType: 'AzureKeyVault', uri: 'https://kv.vault.azure.net/secrets/n' },
        },
      },
    };
    const policyId = `${instancePath.split('/backupInstances/')[0] ?? ''}/backupPolicies/osspolicy`;
    body.properties = { ...body.properties, policyInfo: { policyId } } as typeof body.properties;
    const reply = await harness.send('PUT', `${instancePath}-flex`, { body });
    expect((reply.body['error'] as Json)['code']).toBe('UserErrorUnsupportedDatasourceType');
  });
});

describe.skipIf(!hasReference)("the contract's examples for PostgreSQL", () => {
  const harness = useHarness();
  const group = '/subscriptions/04cf684a-d41f-4550-9f70-7708a3a2283b/resourceGroups/000pikumar';
  const vaultPath = `${group}/providers/Microsoft.DataProtection/backupVaults/PratikPrivatePreviewVault1`;
  const parametersOf = (name: string): Json =>
    readReference(`spec/2024-04-01/examples/${name}.json`)['parameters'] as Json;
  const bodyOf = (name: string): Json => parametersOf(name)['parameters'] as Json;

  it('make a policy, OssDB spelling and scheduleTimes included', async () => {
    await harness.send('PUT', vaultPath, { body: vaultBody() });
    const reply = await harness.send('PUT', `${vaultPath}/backupPolicies/PratikPolicy1`, {
      body: bodyOf('PolicyCRUD/CreateOrUpdateBackupPolicy'),
    });
    const recorded = readReference('spec/2024-04-01/examples/PolicyCRUD/CreateOrUpdateBackupPolicy.json') as {
      responses: Record<string, { body: Json }>;
    };
    expect(reply.status).toBe(200);
    expect(reply.body['properties']).toEqual(recorded.responses['200']?.body['properties']);
  });

  it('validate and configure an instance, tags and policy parameters echoed', async () => {
    expect(
      (
        await harness.send('POST', `${vaultPath}/validateForBackup`, {
          body: bodyOf('BackupInstanceOperations/ValidateForBackup'),
        })
      ).status,
    ).toBe(202);
    const body = bodyOf('BackupInstanceOperations/PutBackupInstance');
    const reply = await harness.send('PUT', `${vaultPath}/backupInstances/testInstance1`, { body });
    expect([reply.status, reply.body['tags']]).toEqual([201, { key1: 'val1' }]);
    const { policyInfo } = body['properties'] as Json;
    expect((reply.body['properties'] as Json)['policyInfo']).toEqual(policyInfo);
    await configured(harness, `${vaultPath}/backupInstances/testInstance1`);
  });

  it('trigger a backup and restores', async () => {
    const instance = `${vaultPath}/backupInstances/testInstance1`;
    const backup = await harness.send('POST', `${instance}/backup`, {
      body: bodyOf('BackupInstanceOperations/TriggerBackup'),
    });
    // The example names a tag that the example policy does not have.
    expect(backup.status).toBe(400);
    const [, , subscriptionId = '', , resourceGroup = '', , , , vaultName = ''] = vaultPath.split('/');
    const point = pointAt('2026-03-09T00:00:00.000Z', {
      instance: { subscriptionId, resourceGroup, vaultName, instanceName: 'testInstance1' },
    });
    await harness.catalog.points.publish(point);
    for (const [action, name] of [
      ['validateRestore', 'ValidateRestore'],
      ['restore', 'TriggerRestore'],
      ['restore', 'TriggerRestoreAsFiles'],
    ] as const) {
      const body = JSON.parse(
        JSON.stringify(bodyOf(`BackupInstanceOperations/${name}`)).replace('hardcodedRP', point.id),
      ) as Json;
      expect((await harness.send('POST', `${instance}/${action}`, { body })).status, name).toBe(202);
    }
  });

  it('make and patch a vault', async () => {
    const path = `${group}/providers/Microsoft.DataProtection/backupVaults/swaggerExample`;
    expect((await harness.send('PUT', path, { body: bodyOf('VaultCRUD/PutBackupVault') })).status).toBe(200);
    const patched = await harness.send('PATCH', path, { body: bodyOf('VaultCRUD/PatchBackupVault') });
    expect(patched.body['tags']).toEqual({ newKey: 'newVal' });
    expect((await harness.send('PUT', `${path}/backupPolicies/OSSDBPolicy`, { body: policyBody() })).status).toBe(200);
    for (const status of [200, 204]) {
      expect((await harness.send('DELETE', `${path}/backupPolicies/OSSDBPolicy`)).status).toBe(status);
    }
  });
});
