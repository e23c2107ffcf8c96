import { describe, expect, it } from 'vitest';
import {
  groupPath,
  instancePath,
  instanceProperties,
  makeVault,
  policyBody,
  policyPath,
  settleConfiguration,
  subscriptionId,
  vaultBody,
  vaultPath,
  vaultsPath,
} from './bodies.ts';
import { codeOf, messageOf, propertiesOf, useHarness } from './harness.ts';
import type { Json } from './harness.ts';

describe('backup vaults', () => {
  const harness = useHarness();

  it('answers a PUT synchronously with 200 and the vault as recorded', async () => {
    const reply = await harness.send('PUT', vaultPath, { body: vaultBody() });
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchInlineSnapshot(
      { eTag: expect.any(String) },
      `
      {
        "eTag": Any<String>,
        "id": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/clitest-rg/providers/Microsoft.DataProtection/backupVaults/clitest-vault",
        "identity": {
          "principalId": "1d213bec-375f-4f72-9b0a-10cf6111f67c",
          "tenantId": "72f988bf-86f1-41af-91ab-2d7cd011db47",
          "type": "SystemAssigned",
        },
        "location": "westeurope",
        "name": "clitest-vault",
        "properties": {
          "bcdrSecurityLevel": "Poor",
          "isVaultProtectedByResourceGuard": false,
          "ltrVault": {
            "compressionLevel": 1,
            "lockWaitSeconds": 60,
            "maxAttempts": 3,
            "maxConcurrentRuns": 8,
            "maxConcurrentRunsPerServer": 2,
            "runDeadlineHours": 48,
          },
          "provisioningState": "Succeeded",
          "replicatedRegions": [],
          "secureScore": "None",
          "storageSettings": [
            {
              "datastoreType": "VaultStore",
              "type": "LocallyRedundant",
            },
          ],
        },
        "type": "Microsoft.DataProtection/backupVaults",
      }
    `,
    );
    expect(reply.headers['etag']).toBe(reply.body['eTag']);
  });

  it('keeps the ETag when the same PUT is repeated', async () => {
    const [first, second] = [
      await harness.send('PUT', vaultPath, { body: vaultBody() }),
      await harness.send('PUT', vaultPath, { body: vaultBody() }),
    ];
    expect(second.headers['etag']).toBe(first.headers['etag']);
  });

  it('finds a vault in any casing and keeps the spelling it was made with', async () => {
    const reply = await harness.send(
      'GET',
      vaultPath.replace('clitest-vault', 'CLITEST-Vault').replace('/resourceGroups/', '/resourcegroups/'),
    );
    expect(reply.status).toBe(200);
    expect(reply.body['name']).toBe('clitest-vault');
  });

  it('refuses another location under the same name', async () => {
    const reply = await harness.send('PUT', vaultPath, { body: vaultBody({}, { location: 'North Europe' }) });
    expect([reply.status, codeOf(reply)]).toEqual([409, 'InvalidResourceLocation']);
  });

  it.each([
    ['a missing location', vaultBody({}, { location: undefined }), 'location'],
    ['a store that is no list', vaultBody({ storageSettings: 'VaultStore' }), 'properties.storageSettings'],
    ['an unknown setting of ours', vaultBody({ ltrVault: { paralelism: 3 } }), 'properties.ltrVault'],
    [
      'a setting out of range',
      vaultBody({ ltrVault: { compressionLevel: 22 } }),
      'properties.ltrVault.compressionLevel',
    ],
    [
      'customer-managed keys',
      vaultBody({ securitySettings: { encryptionSettings: { state: 'Enabled' } } }),
      'properties.securitySettings.encryptionSettings',
    ],
    [
      'a soft delete of a year',
      vaultBody({ securitySettings: { softDeleteSettings: { state: 'On', retentionDurationInDays: 365 } } }),
      'properties.securitySettings.softDeleteSettings.retentionDurationInDays',
    ],
    ['an identity of the caller', vaultBody({}, { identity: { type: 'UserAssigned' } }), 'identity.type'],
  ])('refuses %s by name', async (_case, body, target) => {
    const reply = await harness.send('PUT', `${vaultsPath}/other-vault`, { body });
    expect([reply.status, codeOf(reply)]).toEqual([400, 'BMSUserErrorInvalidInput']);
    expect((reply.body['error'] as Json)['target']).toBe(target);
  });

  it('keeps settings of ours that a client which does not know them leaves out', async () => {
    await harness.send('PUT', vaultPath, { body: vaultBody({ ltrVault: { maxConcurrentRuns: 3 } }) });
    const reply = await harness.send('PUT', vaultPath, { body: vaultBody() });
    expect(propertiesOf(reply)['ltrVault']).toMatchObject({ maxConcurrentRuns: 3 });
  });

  it('changes what a PATCH names and nothing else', async () => {
    const soft = { softDeleteSettings: { state: 'Off', retentionDurationInDays: 14 } };
    await harness.send('PUT', vaultPath, { body: vaultBody({ securitySettings: soft }) });
    const patch = {
      tags: { team: 'data' },
      properties: { securitySettings: { immutabilitySettings: { state: 'Disabled' } } },
    };
    const reply = await harness.send('PATCH', vaultPath, { body: patch });
    expect(reply.body['tags']).toEqual({ team: 'data' });
    expect(propertiesOf(reply)['securitySettings']).toEqual({ ...soft, immutabilitySettings: { state: 'Disabled' } });
    const missing = await harness.send('PATCH', `${vaultsPath}/none-such`, { body: patch });
    expect([missing.status, codeOf(missing)]).toEqual([404, 'ResourceNotFound']);
  });

  it('honours If-Match and If-None-Match', async () => {
    const { headers } = await harness.send('GET', vaultPath);
    const body = vaultBody({}, { tags: { a: 'b' } });
    const matched = await harness.send('PUT', vaultPath, { body, headers: { 'if-match': headers['etag'] ?? '' } });
    expect(matched.status).toBe(200);
    const stale = await harness.send('PUT', vaultPath, {
      body: vaultBody(),
      headers: { 'if-match': headers['etag'] ?? '' },
    });
    expect([stale.status, codeOf(stale)]).toEqual([412, 'PreconditionFailed']);
    const create = await harness.send('PUT', vaultPath, { body, headers: { 'if-none-match': '*' } });
    expect(codeOf(create)).toBe('PreconditionFailed');
    const absent = await harness.send('PUT', `${vaultsPath}/new-vault`, { body, headers: { 'if-match': '*' } });
    expect(codeOf(absent)).toBe('PreconditionFailed');
  });

  it('is deleted only when empty', async () => {
    await makeVault(harness);
    const full = await harness.send('DELETE', vaultPath);
    expect([full.status, codeOf(full)]).toEqual([400, 'UserErrorBackupVaultNotEmpty']);
    expect(messageOf(full)).toContain(
      'Cannot delete the Backup vault as there are existing backup instances or backup policies',
    );
    await harness.send('DELETE', policyPath);
    expect((await harness.send('DELETE', vaultPath)).status).toBe(200);
    expect((await harness.send('DELETE', vaultPath)).status).toBe(204);
    expect((await harness.send('GET', vaultPath)).status).toBe(404);
  });

  it('is kept while a deleted instance keeps its data', async () => {
    await makeVault(harness);
    await harness.send('PUT', instancePath, { body: { properties: instanceProperties() } });
    await settleConfiguration(harness);
    await harness.catalog.instances.markDeleted(
      {
        subscriptionId,
        resourceGroup: 'clitest-rg',
        vaultName: 'clitest-vault',
        instanceName: 'oss-server-postgres-1',
      },
      harness.now.toISOString(),
    );
    await harness.send('DELETE', policyPath);
    expect(codeOf(await harness.send('DELETE', vaultPath))).toBe('UserErrorBackupVaultNotEmpty');
  });

  it('keeps its redundancy once it protects something', async () => {
    await harness.send('PUT', policyPath, { body: policyBody() });
    await harness.send('PUT', instancePath, { body: { properties: instanceProperties() } });
    const storageSettings = [{ datastoreType: 'VaultStore', type: 'GeoRedundant' }];
    const reply = await harness.send('PUT', vaultPath, { body: vaultBody({ storageSettings }) });
    expect((reply.body['error'] as Json)['target']).toBe('properties.storageSettings');
  });
});

describe('lists of vaults', () => {
  const harness = useHarness();

  it('come in pages whose nextLink leads through all of them once', async () => {
    const names = Array.from({ length: 230 }, (_, index) => `vault-${String(index).padStart(3, '0')}`);
    for (const name of names) await harness.send('PUT', `${vaultsPath}/${name}`, { body: vaultBody() });
    const seen: string[] = [];
    let reply = await harness.send('GET', vaultsPath);
    const sizes: number[] = [];
    for (;;) {
      const items = reply.body['value'] as Json[];
      sizes.push(items.length);
      seen.push(...items.map((item) => String(item['name'])));
      if (reply.body['nextLink'] === undefined) break;
      reply = await harness.follow(String(reply.body['nextLink']));
    }
    expect(sizes).toEqual([100, 100, 30]);
    expect(seen).toEqual(names);
  });

  it('refuse a $skipToken that they did not give out', async () => {
    const { body } = await harness.send('GET', vaultsPath);
    const token = new URL(String(body['nextLink'])).searchParams.get('$skipToken') ?? '';
    const elsewhere = `/subscriptions/${subscriptionId}/providers/Microsoft.DataProtection/backupVaults`;
    for (const [path, sent] of [
      [vaultsPath, `${token.slice(0, -2)}AA`],
      [vaultsPath, 'bm9uc2Vuc2U'],
      [elsewhere, token],
    ] as const) {
      const reply = await harness.send('GET', `${path}?$skipToken=${sent}`);
      expect([reply.status, codeOf(reply)]).toEqual([400, 'BMSUserErrorInvalidInput']);
    }
  });

  it('show the vaults of a resource group only, or of the whole subscription', async () => {
    await harness.send('PUT', `${groupPath}2/providers/Microsoft.DataProtection/backupVaults/elsewhere`, {
      body: vaultBody(),
    });
    const group = await harness.send('GET', `${groupPath}2/providers/Microsoft.DataProtection/backupVaults`);
    expect((group.body['value'] as Json[]).map((item) => item['name'])).toEqual(['elsewhere']);
    const all = await harness.send(
      'GET',
      `/subscriptions/${subscriptionId}/providers/Microsoft.DataProtection/backupVaults`,
    );
    expect(all.body['value']).toHaveLength(100);
  });
});
