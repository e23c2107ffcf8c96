import { describe, expect, it } from 'vitest';
import {
  instancePath,
  instanceProperties,
  makeVault,
  policyBody,
  policyPath,
  vaultBody,
  vaultPath,
  vaultRef,
} from './bodies.ts';
import { codeOf, useHarness } from './harness.ts';

describe('requests at the same moment', () => {
  const harness = useHarness();
  const body = { properties: instanceProperties() };

  it('protect a database once, under whichever name came first', async () => {
    await makeVault(harness);
    const names = Array.from({ length: 8 }, (_, index) => `copy-${index}`);
    const replies = await Promise.all(
      names.map((name) => harness.send('PUT', `${vaultPath}/backupInstances/${name}`, { body })),
    );
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
    const refused = replies.filter(({ status }) => status !== 201);
    expect(new Set(refused.map(codeOf))).toEqual(new Set(['UserErrorDppDatasourceAlreadyProtected']));
    expect((await harness.catalog.instances.list(vaultRef, { pageSize: 100 })).items).toHaveLength(1);
  });

  it('start one operation for one instance', async () => {
    const other = {
      properties: instanceProperties({
        dataSourceInfo: {
          ...(instanceProperties()['dataSourceInfo'] as object),
          resourceID: String((instanceProperties()['dataSourceInfo'] as Record<string, unknown>)['resourceID']).replace(
            '/postgres',
            '/second',
          ),
          resourceName: 'second',
        },
      }),
    };
    const replies = await Promise.all([1, 2, 3, 4].map(() => harness.send('PUT', instancePath, { body: other })));
    const operations = replies.flatMap(({ headers }) => headers['azure-asyncoperation'] ?? []);
    expect(new Set(operations).size).toBe(1);
    expect(replies.every(({ status }) => status === 201 || status === 409)).toBe(true);
  });

  it('leave no policy without its vault, and no vault deleted with a policy', async () => {
    for (let round = 0; round < 20; round++) {
      const path = `${vaultPath}-${round}`;
      const policy = policyPath.replace(vaultPath, path);
      await harness.send('PUT', path, { body: vaultBody() });
      const [put, removal] = await Promise.all([
        harness.send('PUT', policy, { body: policyBody() }),
        harness.send('DELETE', path),
      ]);
      const ref = { ...vaultRef, vaultName: `${vaultRef.vaultName}-${round}` };
      const [vault, stored] = [
        await harness.catalog.vaults.get(ref),
        await harness.catalog.vaults.getPolicy(ref, 'osspolicy'),
      ];
      expect(stored !== undefined && vault === undefined, `round ${round}: ${put.status} ${removal.status}`).toBe(
        false,
      );
      if (removal.status === 200) expect([vault, put.status]).toEqual([undefined, 404]);
    }
  });

  it('let one of two changes with the same ETag through', async () => {
    const { headers } = await harness.send('GET', vaultPath);
    const replies = await Promise.all(
      ['a', 'b'].map((value) =>
        harness.send('PUT', vaultPath, {
          body: vaultBody({}, { tags: { value } }),
          headers: { 'if-match': headers['etag'] ?? '' },
        }),
      ),
    );
    expect(replies.map(({ status }) => status).toSorted()).toEqual([200, 412]);
  });
});
