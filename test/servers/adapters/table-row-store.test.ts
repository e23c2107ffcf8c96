import { randomBytes } from 'node:crypto';
import { TableServiceClient } from '@azure/data-tables';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStorage } from '../../../shared/adapters/azure/storage-clients.ts';
import { createTableRowStore } from '../../../shared/adapters/table/row-store.ts';
import type { RowStore } from '../../../shared/ports.ts';
import { Secret } from '../../../shared/secret.ts';
import { describeRowStore } from '../../contracts/row-store.ts';
import { describeServers, requireServers } from '../../support/services.ts';
import type { LossyProxy } from './lossy-proxy.ts';
import { startLossyProxy, throughProxy } from './lossy-proxy.ts';

const servers = requireServers();
const prefix = `Test${randomBytes(6).toString('hex')}`;

const noCredential = () => {
  throw new Error('A connection string needs no credential.');
};

function makeStore(connectionString = servers.storageConnectionString, tablePrefix = prefix): RowStore {
  const storage = { kind: 'connection-string', connectionString: new Secret(connectionString) } as const;
  return createTableRowStore(openStorage(storage, noCredential).table, tablePrefix);
}

describeServers('Table storage', () => {
  describeRowStore('Table storage', makeStore);

  describe('its tables', () => {
    const service = () =>
      TableServiceClient.fromConnectionString(servers.storageConnectionString, { allowInsecureConnection: true });

    it('are made once when many calls of several processes come first', async () => {
      const stores = [makeStore(), makeStore(), makeStore()];
      const inserts = stores.flatMap((store, index) =>
        Array.from({ length: 5 }, (_, call) => store.insert('fresh', 'p', `${index}-${call}`, {})),
      );
      expect((await Promise.all(inserts)).every((row) => row !== undefined)).toBe(true);
    });

    it('are an error, not an empty answer, when deleted under the process; the next call makes them again', async () => {
      const store = makeStore();
      await store.insert('deleted', 'p', 'a', {});
      await service().deleteTable(`${prefix}deleted`);
      await expect(store.get('deleted', 'p', 'a')).rejects.toMatchObject({ code: 'UserErrorVaultStoreNotAccessible' });
      expect(await store.get('deleted', 'p', 'a')).toBeUndefined();
    });
  });

  describe('when the answer to a write is lost', () => {
    let proxy: LossyProxy;
    let store: RowStore;
    beforeAll(async () => {
      proxy = await startLossyProxy(tableEndpoint(servers.storageConnectionString));
      store = makeStore(throughProxy(servers.storageConnectionString, 'TableEndpoint', proxy));
      await store.insert('things', 'warm', 'up', {});
    });
    afterAll(() => proxy.stop());

    it('an insert that was repeated knows its own row', async () => {
      proxy.loseNextAnswer('POST');
      const row = await store.insert('things', 'lost', 'insert', { mine: true });
      expect(proxy.lost).toBe(1);
      expect(row).toEqual(await makeStore().get('things', 'lost', 'insert'));
    });

    it('a replacement that was repeated knows its own row', async () => {
      const before = await store.upsert('things', 'lost', 'replace', { step: 1 });
      proxy.loseNextAnswer('PUT');
      const row = await store.replace('things', before, { step: 2 });
      expect(proxy.lost).toBe(2);
      expect(row).toEqual(await makeStore().get('things', 'lost', 'replace'));
    });
  });

  it('names the store, the status and nothing secret when access is refused', async () => {
    const wrongKey = servers.storageConnectionString.replace(/AccountKey=[^;]+/, `AccountKey=${btoa('canary-key')}`);
    const failure: unknown = await makeStore(wrongKey, `${prefix}X`)
      .get('things', 'p', 'a')
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'UserErrorVaultStoreNotAccessible' });
    expect(String(failure)).toMatch(/table Test[0-9a-f]+Xthings: 403 /);
    expect(String(failure)).not.toContain(btoa('canary-key'));
  });

  it('is not accessible when nobody listens', async () => {
    const proxy = await startLossyProxy(tableEndpoint(servers.storageConnectionString));
    await proxy.stop();
    const store = makeStore(throughProxy(servers.storageConnectionString, 'TableEndpoint', proxy));
    await expect(store.get('things', 'p', 'a')).rejects.toMatchObject({
      code: 'UserErrorVaultStoreNotAccessible',
      facts: { detail: `table ${prefix}things: ECONNREFUSED` },
    });
  });
});

function tableEndpoint(connectionString: string): string {
  const [, endpoint] = /TableEndpoint=([^;]+)/.exec(connectionString) ?? [];
  if (!endpoint) throw new Error('The connection string has no table endpoint.');
  return endpoint;
}
