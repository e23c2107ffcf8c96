import { describe, expect, it } from 'vitest';
import { newOperationId } from '../../functions/long-running.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import {
  groupPath,
  instancePath,
  instanceProperties,
  datasource,
  makeInstance,
  makeVault,
  restoreBody,
  subscriptionId,
  vaultBody,
  vaultPath,
  vaultRef,
  vaultsPath,
} from './bodies.ts';
import { codeOf, propertiesOf, useHarness } from './harness.ts';
import type { Json } from './harness.ts';
import { pointAt } from './records.ts';

const validate = { backupInstance: instanceProperties({ dataSourceInfo: datasource('fresh') }) };

describe('operations', () => {
  const harness = useHarness();
  const idOf = (url: string | undefined): string =>
    /(?:operationStatus|operationResults)\/([^?]+)/.exec(url ?? '')?.[1] ?? '';
  const start = async (): Promise<{ id: string; status: string; result: string }> => {
    const { headers } = await harness.send('POST', `${vaultPath}/validateForBackup`, { body: validate });
    return {
      id: idOf(headers['location']),
      status: headers['azure-asyncoperation'] ?? '',
      result: headers['location'] ?? '',
    };
  };

  it('are polled in the scope of vault, resource group or location, with and without padding', async () => {
    await makeVault(harness);
    const { id } = await start();
    const provider = 'providers/Microsoft.DataProtection';
    const scopes = [
      vaultPath,
      `${groupPath}/${provider}`,
      `/subscriptions/${subscriptionId}/${provider}/locations/WestEurope`,
    ];
    for (const scope of scopes) {
      for (const spelled of [id, id.replace('==', ''), id.replaceAll('=', '%3D')]) {
        const reply = await harness.send('GET', `${scope}/operationStatus/${spelled}`, { role: 'Backup.Reader' });
        expect(reply.body).toMatchObject({
          id: `${scope}/operationStatus/${id}`,
          name: id,
          status: 'Inprogress',
          endTime: '0001-01-01T00:00:00Z',
        });
      }
    }
  });

  it('ignore query parameters that ARM adds to polling URLs', async () => {
    const { status } = await start();
    expect((await harness.follow(`${status}&t=1&c=2&s=3&h=4`)).status).toBe(200);
  });

  it('are not found under another vault, and an id that is none is not found', async () => {
    const { id } = await start();
    await harness.send('PUT', `${vaultsPath}/other-vault`, { body: vaultBody() });
    for (const path of [`${vaultsPath}/other-vault/operationStatus/${id}`, `${vaultPath}/operationStatus/abc==`]) {
      const reply = await harness.send('GET', path);
      expect([reply.status, codeOf(reply)]).toEqual([404, 'ResourceNotFound']);
    }
  });

  it('fail with the error of the orchestration, in status and result', async () => {
    const { id, status, result } = await start();
    const error = new VaultError('UserErrorDBUserAuthFailed', { server: 'db:5432' }).toRecord();
    await harness.catalog.operations.finish(id, { endedAt: '2026-03-10T12:00:09.000Z', error });
    const polled = await harness.follow(status);
    expect(polled.body).toMatchObject({
      status: 'Failed',
      error: { code: 'UserErrorDBUserAuthFailed', additionalInfo: [{ type: 'UserFacingError' }] },
    });
    const failed = await harness.follow(result);
    expect([failed.status, codeOf(failed)]).toEqual([400, 'UserErrorDBUserAuthFailed']);
  });

  it('never stay in progress after their orchestration is gone: Failed after a grace', async () => {
    const { status, result } = await start();
    harness.starter.setState(harness.starter.last().id, 'ended');
    expect((await harness.follow(status)).body['status']).toBe('Inprogress');
    harness.now = new Date(harness.now.getTime() + 31_000);
    const polled = await harness.follow(status);
    expect(polled.body).toMatchObject({ status: 'Failed', error: { code: 'InternalServerError' } });
    const failed = await harness.follow(result);
    expect([failed.status, codeOf(failed)]).toEqual([500, 'InternalServerError']);
  });

  it('stay in progress as long as their orchestration runs', async () => {
    const { status } = await start();
    harness.now = new Date(harness.now.getTime() + 3_600_000);
    expect((await harness.follow(status)).body['status']).toBe('Inprogress');
  });

  it('that never started fail after the grace, and the same PUT starts anew', async () => {
    const body = { properties: instanceProperties() };
    harness.starter.failNext(new Error('no host'));
    await harness.send('PUT', instancePath, { body });
    const operationId = (
      await harness.catalog.instances.get({
        subscriptionId,
        resourceGroup: 'clitest-rg',
        vaultName: 'clitest-vault',
        instanceName: 'oss-server-postgres-1',
      })
    )?.value.operationId;
    harness.now = new Date(harness.now.getTime() + 31_000);
    const polled = await harness.send('GET', `${vaultPath}/operationStatus/${operationId ?? ''}`);
    expect(polled.body['status']).toBe('Failed');
    expect(propertiesOf(await harness.send('GET', instancePath))).toMatchObject({
      currentProtectionState: 'ConfiguringProtectionFailed',
      protectionErrorDetails: { code: 'InternalServerError' },
    });
    const again = await harness.send('PUT', instancePath, { body });
    expect(idOf(again.headers['azure-asyncoperation'])).not.toBe(operationId);
    expect((await harness.follow(again.headers['azure-asyncoperation'])).body['status']).toBe('Inprogress');
  });

  it('that were never written leave no instance in between: it fails after the grace', async () => {
    const ref = { ...vaultRef, instanceName: 'oss-server-postgres-1' };
    const at = harness.now.toISOString();
    await harness.catalog.instances.update(
      ref,
      (current) =>
        current && { ...current, state: 'ConfiguringProtection', operationId: newOperationId(), updatedAt: at },
    );
    const state = async () => propertiesOf(await harness.send('GET', instancePath))['currentProtectionState'];
    expect(await state()).toBe('ConfiguringProtection');
    harness.now = new Date(harness.now.getTime() + 31_000);
    expect(await state()).toBe('ConfiguringProtectionFailed');
  });

  it('give the instance as their result where the instance is asked', async () => {
    await makeInstance(harness);
    const point = pointAt('2026-03-09T00:00:00.000Z');
    await harness.catalog.points.publish(point);
    const accepted = await harness.send('POST', `${instancePath}/validateRestore`, {
      body: { restoreRequestObject: restoreBody(point.id) },
    });
    const id = idOf(accepted.headers['location']);
    expect((await harness.send('GET', `${instancePath}/operationResults/${id}`)).status).toBe(202);
    await harness.catalog.operations.finish(id, { endedAt: harness.now.toISOString() });
    expect((await harness.send('GET', `${instancePath}/operationResults/${id}`)).body['name']).toBe(
      'oss-server-postgres-1',
    );
    expect((await harness.send('GET', `${vaultPath}/operationResults/${id}`)).body['name']).toBe('clitest-vault');
    expect((await harness.follow(accepted.headers['location'])).body).toEqual({
      objectType: 'OperationJobExtendedInfo',
    });
  });
});

describe('an edge behind another address', () => {
  const harness = useHarness({ publicBaseUrl: 'https://backup.example.com/vault' });

  it('names that address in every URL', async () => {
    await makeVault(harness);
    const { headers } = await harness.send('POST', `${vaultPath}/validateForBackup`, { body: validate });
    expect(headers['location']).toMatch(/^https:\/\/backup\.example\.com\/vault\/subscriptions\//);
    expect(headers['azure-asyncoperation']).toMatch(/^https:\/\/backup\.example\.com\/vault\/subscriptions\//);
  });
});

describe('names and features', () => {
  const harness = useHarness();
  const ask = (name: string) =>
    harness.send('POST', `${groupPath}/providers/Microsoft.DataProtection/locations/westeurope/checkNameAvailability`, {
      body: { name, type: 'Microsoft.DataProtection/backupVaults' } satisfies Json,
      role: 'Backup.Reader',
    });

  it('are answered: free, taken, impossible', async () => {
    await makeVault(harness);
    expect((await ask('free-vault')).body).toEqual({ nameAvailable: true });
    expect((await ask('clitest-vault')).body).toMatchObject({ nameAvailable: false, reason: 'AlreadyExists' });
    expect((await ask('9')).body).toMatchObject({ nameAvailable: false, reason: 'Invalid' });
  });

  it('say that PostgreSQL databases are supported', async () => {
    const reply = await harness.send(
      'POST',
      `/subscriptions/${subscriptionId}/providers/Microsoft.DataProtection/locations/westeurope/checkFeatureSupport`,
      {
        body: { objectType: 'FeatureValidationRequest', featureType: 'DataSourceType' },
        role: 'Backup.Reader',
      },
    );
    expect(reply.body['features']).toMatchObject([{ featureName: 'Microsoft.DBforPostgreSQL/servers/databases' }]);
  });
});
