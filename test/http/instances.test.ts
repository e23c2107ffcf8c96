import { describe, expect, it } from 'vitest';
import {
  credentials,
  datasource,
  datasourceSet,
  instancePath,
  instanceProperties,
  instanceRef,
  makeInstance,
  makeVault,
  policyBody,
  policyPath,
  settleConfiguration,
  vaultBody,
  vaultPath,
  vaultsPath,
} from './bodies.ts';
import { codeOf, messageOf, propertiesOf, useHarness } from './harness.ts';
import type { Json } from './harness.ts';

describe('configuring protection', () => {
  const harness = useHarness();
  const put = (changes: Json = {}, rest: Json = {}, path = instancePath) =>
    harness.send('PUT', path, { body: { properties: instanceProperties(changes), ...rest } });

  it('answers 201 with the instance, its operation and Retry-After, and starts the orchestration', async () => {
    await makeVault(harness);
    const reply = await put({}, { tags: { team: 'data' } });
    expect(reply.status).toBe(201);
    expect(reply.headers['retry-after']).toBe('15');
    expect(reply.headers['azure-asyncoperation']).toMatch(
      /^https:\/\/vault\.example\.org\/subscriptions\/.+\/backupVaults\/clitest-vault\/operationStatus\/[A-Za-z0-9]{98}==\?api-version=2024-04-01$/,
    );
    expect(propertiesOf(reply)).toMatchObject({
      protectionStatus: { status: 'ConfiguringProtection' },
      currentProtectionState: 'ConfiguringProtection',
      provisioningState: 'Provisioning',
      datasourceAuthCredentials: { secretStoreResource: { value: null } },
    });
    expect(reply.body['tags']).toEqual({ team: 'data' });
    expect(harness.starter.last()).toMatchObject({
      name: 'run-operation',
      input: { kind: 'ConfigureProtection', instance: instanceRef },
    });
    const status = await harness.follow(reply.headers['azure-asyncoperation']);
    expect(status.body).toMatchObject({ status: 'Inprogress', endTime: '0001-01-01T00:00:00Z' });
  });

  it('goes on with the same operation when the PUT is repeated before it has ended', async () => {
    const [first, second] = [await put({}, { tags: { team: 'data' } }), await put({}, { tags: { team: 'data' } })];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.headers['azure-asyncoperation']).toBe(first.headers['azure-asyncoperation']);
    expect(codeOf(await put({ friendlyName: 'other' }))).toBe('UserErrorConcurrentUpdate');
  });

  it('answers 200 without an operation once it is configured so', async () => {
    await settleConfiguration(harness);
    const before = harness.starter.started.length;
    const reply = await put({}, { tags: { team: 'data' } });
    expect(reply.status).toBe(200);
    expect(reply.headers['azure-asyncoperation']).toBeUndefined();
    expect(propertiesOf(reply)['currentProtectionState']).toBe('ProtectionConfigured');
    expect(harness.starter.started.length).toBe(before);
  });

  it('changes the policy by an operation of its own, keeping what backups recorded', async () => {
    await harness.send('PUT', `${policyPath}2`, { body: policyBody() });
    const reply = await put({ policyInfo: { policyId: `${policyPath}2` } });
    expect(reply.status).toBe(200);
    expect(reply.headers['azure-asyncoperation']).toBeDefined();
    expect(propertiesOf(reply)).toMatchObject({
      currentProtectionState: 'UpdatingProtection',
      provisioningState: 'Updating',
    });
    await settleConfiguration(harness);
    const inUse = await harness.send('DELETE', `${policyPath}2`);
    expect([inUse.status, codeOf(inUse)]).toEqual([400, 'UserErrorBackupPolicyInUse']);
    expect((await harness.send('DELETE', policyPath)).status).toBe(200);
    expect((await harness.send('DELETE', policyPath)).status).toBe(204);
  });

  it('refuses another database under the same name', async () => {
    const reply = await put({ dataSourceInfo: datasource('other'), policyInfo: { policyId: `${policyPath}2` } });
    expect([reply.status, codeOf(reply)]).toEqual([400, 'BMSUserErrorInvalidInput']);
    const again = await put(
      { dataSourceInfo: datasource('other'), policyInfo: { policyId: `${policyPath}2` } },
      {},
      `${instancePath}-b`,
    );
    expect(again.status).toBe(201);
  });

  it('refuses a database that another instance protects, in any vault and casing', async () => {
    const otherVault = `${vaultsPath}/other-vault`;
    await harness.send('PUT', otherVault, { body: vaultBody() });
    await harness.send('PUT', `${otherVault}/backupPolicies/osspolicy`, { body: policyBody() });
    const source = datasource();
    const upper = { ...source, resourceID: String(source['resourceID']).replace('clitest-rg', 'CLITEST-RG') };
    const body = {
      properties: instanceProperties({
        dataSourceInfo: upper,
        dataSourceSetInfo: undefined,
        policyInfo: { policyId: `${otherVault}/backupPolicies/osspolicy` },
      }),
    };
    const reply = await harness.send('PUT', `${otherVault}/backupInstances/copy`, { body });
    expect([reply.status, codeOf(reply)]).toEqual([400, 'UserErrorDppDatasourceAlreadyProtected']);
    expect(messageOf(reply)).toBe(`Datasource is already protected under the Backup vault ${vaultPath}.`);
    const validate = await harness.send('POST', `${otherVault}/validateForBackup`, {
      body: { backupInstance: body.properties },
    });
    expect([validate.status, codeOf(validate)]).toEqual([400, 'UserErrorDppDatasourceAlreadyProtected']);
  });

  it.each([
    [
      'a policy of another vault',
      { policyInfo: { policyId: policyPath.replace('clitest-vault', 'x-vault') } },
      'properties.policyInfo.policyId',
    ],
    [
      'a policy that is not there',
      { policyInfo: { policyId: `${policyPath}-none` } },
      'properties.policyInfo.policyId',
    ],
    ['no credentials', { datasourceAuthCredentials: null }, 'properties.datasourceAuthCredentials'],
    [
      'a secret in place of its URI',
      { datasourceAuthCredentials: credentials('Server=x;Password=hunter2') },
      'properties.datasourceAuthCredentials.secretStoreResource.uri',
    ],
    [
      'a secret value',
      {
        datasourceAuthCredentials: {
          ...credentials(),
          secretStoreResource: {
            secretStoreType: 'AzureKeyVault',
            uri: 'https://kv.vault.azure.net/secrets/n',
            value: 'hunter2',
          },
        },
      },
      'properties.datasourceAuthCredentials.secretStoreResource.value',
    ],
    ['another object type', { objectType: 'BackupThing' }, 'properties.objectType'],
    [
      'a set that is not its server',
      { dataSourceSetInfo: datasourceSet('elsewhere') },
      'properties.dataSourceSetInfo.resourceID',
    ],
  ])('refuses %s by name, without repeating it', async (_case, changes, target) => {
    const reply = await put(
      { dataSourceInfo: datasource('fresh'), ...changes },
      {},
      `${vaultPath}/backupInstances/fresh`,
    );
    expect([reply.status, codeOf(reply)]).toEqual([400, 'BMSUserErrorInvalidInput']);
    expect((reply.body['error'] as Json)['target']).toBe(target);
    expect(JSON.stringify(reply.body)).not.toContain('hunter2');
  });

  it('refuses a whole flexible server', async () => {
    const info = {
      ...datasource(),
      resourceID: '/subscriptions/s/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/flexibleServers/pgflex',
      datasourceType: 'Microsoft.DBforPostgreSQL/flexibleServers',
    };
    const reply = await put(
      { dataSourceInfo: info, dataSourceSetInfo: undefined },
      {},
      `${vaultPath}/backupInstances/flex`,
    );
    expect(codeOf(reply)).toBe('UserErrorUnsupportedDatasourceType');
  });

  it('reads property names in any casing', async () => {
    const { resourceID, ...rest } = datasource('cased');
    const loose = { datasourceInfo: { ...rest, resourceId: resourceID }, PolicyInfo: { policyid: `${policyPath}2` } };
    const { dataSourceInfo: _, policyInfo: __, ...others } = instanceProperties();
    const reply = await harness.send('PUT', `${vaultPath}/backupInstances/cased`, {
      bytes: JSON.stringify({ Properties: { ...others, ...loose } }),
    });
    expect(reply.status).toBe(201);
    expect((propertiesOf(reply)['dataSourceInfo'] as Json)['resourceID']).toBe(resourceID);
  });

  it('gives the datasource back when the instance could not be written', async () => {
    const path = `${vaultPath}/backupInstances/second`;
    const body = {
      properties: instanceProperties({
        dataSourceInfo: datasource('second'),
        policyInfo: { policyId: `${policyPath}2` },
      }),
    };
    const refused = await harness.send('PUT', path, { body, headers: { 'if-match': '*' } });
    expect(codeOf(refused)).toBe('PreconditionFailed');
    expect((await harness.send('PUT', `${path}-b`, { body })).status).toBe(201);
  });

  it('starts again under the same operation when the start had failed', async () => {
    const path = `${vaultPath}/backupInstances/third`;
    const body = {
      properties: instanceProperties({
        dataSourceInfo: datasource('third'),
        policyInfo: { policyId: `${policyPath}2` },
      }),
    };
    harness.starter.failNext(new Error('connect ECONNREFUSED 127.0.0.1 password=hunter2'));
    const failed = await harness.send('PUT', path, { body });
    expect([failed.status, codeOf(failed)]).toEqual([500, 'InternalServerError']);
    expect(JSON.stringify(failed.body)).not.toContain('hunter2');
    expect(messageOf(failed)).toContain(String(failed.headers['x-ms-correlation-request-id']));
    const again = await harness.send('PUT', path, { body });
    expect(again.status).toBe(201);
    expect((await harness.follow(again.headers['azure-asyncoperation'])).body['status']).toBe('Inprogress');
  });
});

describe('ending protection', () => {
  const harness = useHarness();

  it('answers 202 with both polling URLs and says that the data is kept', async () => {
    await makeInstance(harness);
    const reply = await harness.send('DELETE', instancePath);
    expect(reply.status).toBe(202);
    expect(reply.headers['location']).toMatch(
      /\/locations\/westeurope\/operationResults\/[A-Za-z0-9]{98}==\?api-version=/,
    );
    expect(reply.headers['x-ms-ltrvault-note']).toContain('kept');
    expect(harness.starter.last()).toMatchObject({
      input: { kind: 'DeleteInstance', instance: instanceRef, requestedBy: 'dba@example.org' },
    });
    expect(propertiesOf(await harness.send('GET', instancePath))['currentProtectionState']).toBe('SoftDeleting');
    const again = await harness.send('DELETE', instancePath);
    expect(again.headers['azure-asyncoperation']).toBe(reply.headers['azure-asyncoperation']);
  });

  it('tells of the kept data in the operation, and lists the deleted instance', async () => {
    const { headers } = await harness.send('DELETE', instancePath);
    const operationId = (await harness.catalog.instances.get(instanceRef))?.value.operationId ?? '';
    await harness.catalog.instances.markDeleted(instanceRef, '2026-03-10T12:00:05.000Z');
    await harness.catalog.operations.finish(operationId, {
      endedAt: '2026-03-10T12:00:06.000Z',
      note: 'The backup data was kept.',
    });
    const status = await harness.follow(headers['azure-asyncoperation']);
    expect(status.body).toMatchObject({
      status: 'Succeeded',
      endTime: '2026-03-10T12:00:06Z',
      properties: { objectType: 'OperationJobExtendedInfo', ltrVault: { note: 'The backup data was kept.' } },
    });
    expect((await harness.send('GET', instancePath)).status).toBe(404);
    const deleted = await harness.send('GET', `${vaultPath}/deletedBackupInstances/oss-server-postgres-1`);
    expect(propertiesOf(deleted)).toMatchObject({
      objectType: 'DeletedBackupInstance',
      currentProtectionState: 'SoftDeleted',
      deletionInfo: { deletionTime: '2026-03-10T12:00:05.0000000Z' },
    });
    const list = await harness.send('GET', `${vaultPath}/deletedBackupInstances`);
    expect(list.body['value']).toHaveLength(1);
    expect((await harness.send('DELETE', instancePath)).status).toBe(204);
  });

  it('leaves the name to the same database only', async () => {
    await harness.catalog.instances.release(instanceRef, String(datasource()['resourceID']));
    const other = { properties: instanceProperties({ dataSourceInfo: datasource('other') }) };
    const refused = await harness.send('PUT', instancePath, { body: other });
    expect(codeOf(refused)).toBe('BMSUserErrorInvalidInput');
    expect(messageOf(refused)).toContain('its data is kept');
    expect((await harness.send('PUT', instancePath, { body: { properties: instanceProperties() } })).status).toBe(201);
    await settleConfiguration(harness);
  });

  it('waits for a run in progress: 409, and the instance stays protected', async () => {
    const at = harness.now.toISOString();
    const run = {
      instance: instanceRef,
      jobId: 'j',
      operation: 'Backup' as const,
      orchestrationId: 'o',
      openedAt: at,
      heartbeatAt: at,
    };
    await harness.catalog.runs.open(run);
    const reply = await harness.send('DELETE', instancePath);
    expect([reply.status, codeOf(reply)]).toEqual([409, 'UserErrorMaxConcurrentOperationLimitReached']);
    expect(propertiesOf(await harness.send('GET', instancePath))['currentProtectionState']).toBe(
      'ProtectionConfigured',
    );
    await harness.catalog.runs.close(run);
    expect((await harness.send('DELETE', instancePath)).status).toBe(202);
  });
});
