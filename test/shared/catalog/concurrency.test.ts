import { afterEach, describe, expect, it, vi } from 'vitest';
import { newJobId, newPointId } from '../../../orchestrations/run-ids.ts';
import { createMemoryRowStore } from '../../../shared/adapters/memory/row-store.ts';
import { createCatalog } from '../../../shared/catalog/catalog.ts';
import { Collection, keysUnder } from '../../../shared/catalog/collection.ts';
import { uuidTime } from '../../../shared/domain/ids.ts';
import type { Operation, RunClaim, ScheduleSlot } from '../../../shared/domain/records.ts';
import type { RowStore } from '../../../shared/ports.ts';

const vault = { subscriptionId: '11111111-1111-1111-1111-111111111111', resourceGroup: 'rg', vaultName: 'vault' };
const shop = { ...vault, instanceName: 'shop' };
const other = { ...vault, instanceName: 'other' };
const at = '2026-03-02T01:00:00.000Z';

afterEach(() => void vi.useRealTimers());

describe('updates of one row', () => {
  it('that collide are all made, one after another', async () => {
    const counters = new Collection<{ count: number }>(createMemoryRowStore(), 'Counters');
    const add = () => counters.update('p', 'k', (current) => ({ count: (current?.count ?? 0) + 1 }));
    await Promise.all(Array.from({ length: 10 }, add));
    expect((await counters.get('p', 'k'))?.value).toEqual({ count: 10 });
  });

  it('give up by name when others keep being faster', async () => {
    const rows = createMemoryRowStore();
    const losing: RowStore = { ...rows, insert: () => Promise.resolve(undefined) };
    const counters = new Collection<number>(losing, 'Counters');
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const given = expect(counters.update('p', 'k', () => 1)).rejects.toMatchObject({
      code: 'UserErrorConcurrentUpdate',
    });
    await vi.runAllTimersAsync();
    await given;
  });

  it('leave the row as it is when the change declines, and end with what the change throws', async () => {
    const counters = new Collection<number>(createMemoryRowStore(), 'Counters');
    await counters.insert('p', 'k', 7);
    expect((await counters.update('p', 'k', () => undefined))?.value).toBe(7);
    await expect(
      counters.update('p', 'k', () => {
        throw new RangeError('no');
      }),
    ).rejects.toThrow('no');
    expect((await counters.get('p', 'k'))?.value).toBe(7);
  });

  it('do not remove a row that changed into one that must stay', async () => {
    const rows = createMemoryRowStore();
    const things = new Collection<string>(rows, 'Things');
    await things.insert('p', 'k', 'mine');
    const remove: RowStore['remove'] = async (table, row) => {
      // Somebody else is faster, once.
      rows.remove = original;
      await things.upsert('p', 'k', 'theirs');
      return original(table, row);
    };
    const original = rows.remove;
    rows.remove = remove;
    expect(await things.remove('p', 'k', (current) => current === 'mine')).toBe(false);
    expect((await things.get('p', 'k'))?.value).toBe('theirs');
  });
});

describe('claims', () => {
  it('on a datasource or database go to one instance, however many ask', async () => {
    const { instances } = createCatalog(createMemoryRowStore());
    const askers = Array.from({ length: 12 }, (_, index) => ({ ...vault, instanceName: `i-${index}` }));
    const identity = { systemIdentifier: '73', databaseOid: 5 };
    const byId = await Promise.all(askers.map((asker) => instances.claimResource('/Databases/X', asker)));
    const byIdentity = await Promise.all(askers.map((asker) => instances.claimIdentity(identity, asker)));
    expect(new Set(byId.map(({ instance }) => instance.instanceName)).size).toBe(1);
    expect(new Set(byIdentity.map(({ instance }) => instance.instanceName)).size).toBe(1);
    expect(await instances.protectionOf('/databases/x')).toEqual(byId[0]);
  });

  it('are given up by their holder only', async () => {
    const { instances } = createCatalog(createMemoryRowStore());
    const identity = { systemIdentifier: '73', databaseOid: 5 };
    await instances.claimResource('/x', shop);
    await instances.claimIdentity(identity, shop);
    await instances.release(other, '/x', identity);
    expect(await instances.protectionOf('/x')).toEqual({ instance: shop });
    expect(await instances.protectionOf('/y', identity)).toEqual({ instance: shop });
    await instances.release(shop, '/X', identity);
    expect(await instances.protectionOf('/x', identity)).toBeUndefined();
  });

  it('on a slot go to one tick, and the others are told how it stands', async () => {
    const { slots } = createCatalog(createMemoryRowStore());
    const slot = (jobId: string): ScheduleSlot => ({
      slot: at,
      instance: shop,
      outcome: 'started',
      jobId,
      updatedAt: at,
    });
    const claims = await Promise.all(['1', '2', '3'].map((jobId) => slots.claim(slot(jobId))));
    expect(claims.filter((claim) => claim.mine)).toHaveLength(1);
    expect(new Set(claims.map((claim) => claim.slot.jobId)).size).toBe(1);
  });

  it('on a slot that has ended keep the outcome', async () => {
    const { slots } = createCatalog(createMemoryRowStore());
    await slots.claim({ slot: at, instance: shop, outcome: 'started', updatedAt: at });
    await slots.settle(shop, at, { outcome: 'done', updatedAt: at });
    await slots.settle(shop, at, { outcome: 'failed', updatedAt: at });
    expect((await slots.get(shop, at))?.value.outcome).toBe('done');
    await slots.settle(other, at, { outcome: 'failed', updatedAt: at });
    expect(await slots.get(other, at)).toBeUndefined();
  });
});

describe('runs', () => {
  const claim = (jobId: string, operation: RunClaim['operation'] = 'Backup'): RunClaim => ({
    instance: shop,
    jobId,
    operation,
    orchestrationId: `x:${jobId}`,
    openedAt: at,
    heartbeatAt: at,
  });

  it('of backups hold their instance one at a time, while restores hold only themselves', async () => {
    const { runs } = createCatalog(createMemoryRowStore());
    const opened = await Promise.all(['1', '2', '3'].map((jobId) => runs.open(claim(jobId))));
    expect(new Set(opened.map((run) => run.jobId)).size).toBe(1);
    await Promise.all(['4', '5'].map((jobId) => runs.open(claim(jobId, 'Restore'))));
    expect(await runs.active()).toHaveLength(3);
  });

  it('give the fence to one of many executions of an attempt', async () => {
    const { runs } = createCatalog(createMemoryRowStore());
    const run = await runs.open(claim('1'));
    const taken = await Promise.all(['a', 'b', 'c', 'd'].map((execution) => runs.takeFence(run, 'a1', execution, at)));
    expect(taken.filter(Boolean)).toHaveLength(1);
  });

  it('give the fence to later attempts only: the tenth is later than the ninth', async () => {
    const { runs } = createCatalog(createMemoryRowStore());
    const run = await runs.open(claim('1'));
    expect(await runs.takeFence(run, 'a9', 'x', at)).toBe(true);
    expect(await runs.takeFence(run, 'a10', 'y', at)).toBe(true);
    expect(await runs.takeFence(run, 'a9', 'z', at)).toBe(false);
    expect(await runs.heartbeat(run, 'x', at)).toEqual({ held: false });
    expect(await runs.heartbeat(run, 'y', at)).toEqual({ held: true });
  });

  it('are either committed or fenced off when both are asked at once', async () => {
    for (let round = 0; round < 20; round++) {
      const { runs } = createCatalog(createMemoryRowStore());
      const run = await runs.open(claim('1'));
      await runs.takeFence(run, 'a1', 'x', at);
      const both = [() => runs.markCommitted(run, 'a1'), () => runs.fenceOff(run, 'a1')];
      const answers = await Promise.all((round % 2 ? both : both.toReversed()).map((ask) => ask()));
      expect(answers.filter(Boolean)).toHaveLength(1);
      const { attemptId, committedAttempt } = (await runs.get(run)) ?? {};
      expect([attemptId, committedAttempt]).toEqual(committedAttempt ? ['a1', 'a1'] : ['a1-off', undefined]);
    }
  });

  it('that have ended hold nothing: no fence, no heartbeat, no commit', async () => {
    const { runs } = createCatalog(createMemoryRowStore());
    const run = await runs.open(claim('1'));
    await runs.takeFence(run, 'a1', 'x', at);
    await runs.close(run);
    expect(await runs.heartbeat(run, 'x', at)).toEqual({ held: false });
    expect(await runs.takeFence(run, 'a2', 'y', at)).toBe(false);
    expect(await runs.markCommitted(run, 'a1')).toBe(false);
    expect(await runs.fenceOff(run, 'a1')).toBe(false);
    await runs.open(claim('2'));
    await runs.close(run);
    expect(await runs.active()).toMatchObject([{ jobId: '2' }]);
  });
});

describe('long-running operations', () => {
  it('end once', async () => {
    const { operations } = createCatalog(createMemoryRowStore());
    const operation: Operation = {
      id: 'op',
      kind: 'Backup',
      vault,
      location: '',
      status: 'Inprogress',
      startedAt: at,
      orchestrationId: 'x',
    };
    await operations.open(operation);
    await operations.finish('op', { endedAt: at, jobId: 'j' });
    await operations.finish('op', { endedAt: 'later', note: 'too late' });
    await operations.open(operation);
    expect(await operations.get('op')).toEqual({ ...operation, status: 'Succeeded', endedAt: at, jobId: 'j' });
    await operations.finish('unknown', { endedAt: at });
    expect(await operations.get('unknown')).toBeUndefined();
  });
});

it('names a job by a moment, and its recovery point by the job', () => {
  const id = newJobId(1_772_413_200_123);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(uuidTime(id)).toBe(1_772_413_200_123);
  expect(newPointId(id)).toMatch(/^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
  expect(uuidTime(newPointId(id))).toBe(1_772_413_200_123);
  expect(newPointId(id)).toBe(newPointId(id));
  expect(newPointId(newJobId(1_772_413_200_123))).not.toBe(newPointId(id));
});

it('bounds the keys of a prefix', () => {
  expect(keysUnder('rg|')).toEqual({ from: 'rg|', before: 'rg}' });
});
