import { describe, expect, it } from 'vitest';
import { VaultError } from '../../../shared/domain/errors.ts';
import { settingsInForce } from '../../../shared/domain/protection.ts';
import type { BackupInstance } from '../../../shared/domain/records.ts';
import { crashEverywhere } from '../../support/faults.ts';
import {
  addInstance,
  addVault,
  deleteInstance,
  adhocRun,
  backUp,
  protectedWorld,
  refOf,
} from '../../support/memory-vault.ts';
import { MemoryWorld } from '../../support/memory-world.ts';

const configure = (world: MemoryWorld, name = 'shop') =>
  world.activities['configure-protection']({ instance: refOf(name) });
const remove = deleteInstance;
const instanceOf = async (world: MemoryWorld, name = 'shop'): Promise<BackupInstance | undefined> =>
  (await world.catalog.instances.get(refOf(name)))?.value;

async function dueKeys(world: MemoryWorld): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of world.catalog.slots.due('9999')) keys.push(key);
  return keys;
}

async function unprotected(): Promise<MemoryWorld> {
  const world = new MemoryWorld();
  await addVault(world);
  await addInstance(world);
  return world;
}

describe('configuring protection', () => {
  it('claims the database, makes the instance due at the next slot, and says what it found', async () => {
    const world = await unprotected();
    expect(await configure(world)).toEqual({ note: 'PostgreSQL 17.2, 1000 bytes' });
    expect(await instanceOf(world)).toMatchObject({
      state: 'ProtectionConfigured',
      provisioningState: 'Succeeded',
      identity: { systemIdentifier: '7300000000000000001', databaseOid: 16384 },
      server: 'db.example:5432',
      scheduledThrough: world.now.toISOString(),
    });
    const keys = await dueKeys(world);
    expect(keys).toEqual([(await instanceOf(world))?.nextDue]);
    expect(keys[0]).toMatch(/^2026-03-02T02:00:00\.000Z\|/);
  });

  it('is finished by the next call wherever it dies on the way, with one due row', async () => {
    const crashes = await crashEverywhere(
      unprotected,
      (world) => configure(world),
      async (world, { call }) => {
        const instance = await instanceOf(world);
        expect(instance, call).toMatchObject({ state: 'ProtectionConfigured', errors: [] });
        expect(await dueKeys(world), call).toEqual([instance?.nextDue]);
      },
    );
    expect(crashes).toBeGreaterThan(15);
  });

  it('keeps the failure on the instance by name, also one that nobody foresaw, and lets it be mended', async () => {
    const world = await unprotected();
    const { facts } = world;
    world.facts = new VaultError('UserErrorDBUserAuthFailed');
    await expect(configure(world)).rejects.toMatchObject({ code: 'UserErrorDBUserAuthFailed' });
    expect(await instanceOf(world)).toMatchObject({
      state: 'ConfiguringProtectionFailed',
      provisioningState: 'Failed',
      errors: [{ code: 'UserErrorDBUserAuthFailed' }],
    });
    world.facts = new TypeError('password=hunter2 is not a function');
    await expect(configure(world)).rejects.toThrow();
    expect((await instanceOf(world))?.errors).toMatchObject([{ code: 'InternalServerError' }]);
    expect(JSON.stringify(await instanceOf(world))).not.toContain('hunter2');
    world.facts = facts;
    await configure(world);
    expect(await instanceOf(world)).toMatchObject({ state: 'ProtectionConfigured', errors: [] });
  });

  it('takes a change back that cannot be verified: what was protected stays so, and its schedule goes on', async () => {
    const world = await unprotected();
    await configure(world);
    const before = await instanceOf(world);
    const [due] = await dueKeys(world);
    const change = (secretUri: string) =>
      world.catalog.instances.update(refOf('shop'), (current) => {
        const previous = current && settingsInForce(current);
        return current && { ...current, state: 'UpdatingProtection', secretUri, ...(previous && { previous }) };
      });
    await change('https://kv.example.org/secrets/wrong');
    world.facts = new VaultError('UserErrorInvalidSecret', { secret: 'wrong' });
    await expect(configure(world)).rejects.toMatchObject({ code: 'UserErrorInvalidSecret' });
    const after = await instanceOf(world);
    expect(after).toMatchObject({
      state: 'ProtectionConfigured',
      secretUri: before?.secretUri,
      errors: [{ code: 'UserErrorInvalidSecret' }],
    });
    expect(after).not.toHaveProperty('previous');
    expect(await dueKeys(world)).toEqual([due]);
  });

  it('is not ended by a deletion that comes late, after the name was protected anew', async () => {
    const world = await unprotected();
    await configure(world);
    await remove(world);
    await addInstance(world);
    await configure(world);
    const late = { instance: refOf('shop'), requestedBy: 'kim', operationId: 'delete-shop' };
    await expect(world.activities['delete-instance'](late)).rejects.toMatchObject({ code: 'ResourceNotFound' });
    expect(await instanceOf(world)).toMatchObject({ state: 'ProtectionConfigured' });
  });

  it('refuses the same database under another name', async () => {
    const world = await unprotected();
    await configure(world);
    await addInstance(world, 'alias');
    await expect(configure(world, 'alias')).rejects.toMatchObject({
      code: 'UserErrorDppDatasourceAlreadyProtected',
      facts: { instance: 'shop' },
    });
    expect(await instanceOf(world, 'alias')).toMatchObject({ state: 'ConfiguringProtectionFailed' });
    expect(await dueKeys(world)).toHaveLength(1);
  });

  it('lets one of two names win when both are configured at once', async () => {
    const world = await unprotected();
    await addInstance(world, 'alias');
    const both = await Promise.allSettled([configure(world), configure(world, 'alias')]);
    expect(both.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('follows a database that was dropped and made anew, and lets the old identity go', async () => {
    const world = await unprotected();
    await configure(world);
    const { facts } = world;
    if (facts instanceof Error) throw facts;
    world.facts = { ...facts, databaseOid: 99999 };
    const run = adhocRun(world);
    await world.activities['open-backup'](run);
    await world.activities['check-source'](run);
    expect((await instanceOf(world))?.identity).toMatchObject({ databaseOid: 99999 });
    await addInstance(world, 'old');
    world.facts = facts;
    await expect(configure(world, 'old')).resolves.toHaveProperty('note');
  });

  it('is validated without changing anything', async () => {
    const world = await unprotected();
    await configure(world);
    const instance = await instanceOf(world);
    if (!instance) throw new Error('no instance');
    const { instanceName: _, ...vault } = refOf();
    const request = { vault, secretUri: 's', policyName: 'weekly' };
    const other = { ...instance.datasource, resourceId: '/another' };
    // The same database through another name is found by its identity.
    await expect(world.activities['validate-backup']({ ...request, datasource: other })).rejects.toMatchObject({
      code: 'UserErrorDppDatasourceAlreadyProtected',
    });
    await remove(world);
    world.faults.revive();
    await expect(world.activities['validate-backup']({ ...request, datasource: other })).resolves.toHaveProperty(
      'note',
    );
    expect(world.faults.calls.filter(({ method }) => !['get', 'list'].includes(method))).toEqual([]);
  });
});

describe('deleting an instance', () => {
  it('keeps the data, says how much and where, and lets the database be protected again', async () => {
    const world = await protectedWorld();
    await backUp(world, adhocRun(world));
    await backUp(world, adhocRun(world));
    const blobs = await world.blobs();
    const { note } = await remove(world);
    expect(note).toContain('2 recovery points in container container');
    expect(note).toContain('deletedBackupInstances/shop');
    expect(await world.blobs()).toEqual(blobs);
    expect(await instanceOf(world)).toBeUndefined();
    expect((await world.catalog.instances.getDeleted(refOf()))?.value).toMatchObject({ state: 'SoftDeleted' });
    expect(await dueKeys(world)).toEqual([]);
    await addInstance(world, 'shop-2');
    await expect(configure(world, 'shop-2')).resolves.toHaveProperty('note');
  });

  it('under whose name a database is protected again is deleted no more, and its points are there', async () => {
    const world = await protectedWorld();
    await backUp(world, adhocRun(world));
    await remove(world);
    await addInstance(world);
    await configure(world);
    expect(await world.catalog.instances.getDeleted(refOf())).toBeUndefined();
    expect((await world.catalog.points.list(refOf(), { pageSize: 10 })).items).toHaveLength(1);
  });

  it('is finished by the next call wherever it dies on the way', async () => {
    const crashes = await crashEverywhere(
      () => protectedWorld(),
      (world) => remove(world),
      async (world, { call }) => {
        expect(await instanceOf(world), call).toBeUndefined();
        expect((await world.catalog.instances.getDeleted(refOf()))?.value.state, call).toBe('SoftDeleted');
        expect(await dueKeys(world), call).toEqual([]);
        expect(
          await world.catalog.instances.protectionOf('/subscriptions/x/servers/db/databases/shop'),
          call,
        ).toBeUndefined();
      },
    );
    expect(crashes).toBeGreaterThan(15);
  });

  it('is refused while a backup runs', async () => {
    const world = await protectedWorld();
    await world.activities['open-backup'](adhocRun(world));
    await expect(remove(world)).rejects.toMatchObject({ code: 'UserErrorMaxConcurrentOperationLimitReached' });
    expect(await instanceOf(world)).toBeDefined();
  });

  it('names an instance that never was', async () => {
    const world = await protectedWorld();
    await expect(remove(world, 'nobody')).rejects.toMatchObject({ code: 'ResourceNotFound' });
  });
});
