import { describe, expect, it } from 'vitest';
import { refreshDueOfPolicy } from '../../orchestrations/due-index.ts';
import { startDueBackups } from '../../orchestrations/start-due-backups.ts';
import type { ScheduleSlot } from '../../shared/domain/records.ts';
import { crashEverywhere } from '../support/faults.ts';
import {
  backUp,
  deleteInstance,
  protect,
  protectedWorld,
  refOf,
  setPolicy,
  weeklyPolicy,
} from '../support/memory-vault.ts';
import type { MemoryWorld } from '../support/memory-world.ts';

const firstSlot = '2026-03-02T02:00:00.000Z';
const tick = (world: MemoryWorld) => startDueBackups({ ...world.needs, starter: world.starter });

async function slotsOf(world: MemoryWorld, name = 'shop'): Promise<ScheduleSlot[]> {
  return [...(await world.catalog.slots.list(refOf(name), { pageSize: 1000 })).items].reverse();
}

async function dueOf(world: MemoryWorld): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of world.catalog.slots.due('9999')) keys.push(key);
  return keys;
}

async function dueWorld(): Promise<MemoryWorld> {
  const world = await protectedWorld();
  world.now = new Date(firstSlot);
  return world;
}

describe('a tick of the schedule', () => {
  it('starts what is due, once, at its very moment, and makes the instance due at the next slot', async () => {
    const world = await dueWorld();
    world.now = new Date(Date.parse(firstSlot) - 1);
    expect(await tick(world)).toEqual({ started: 0 });
    world.now = new Date(firstSlot);
    expect(await tick(world)).toEqual({ started: 1 });
    expect(await tick(world)).toEqual({ started: 0 });
    expect(world.starter.started).toMatchObject([
      { name: 'run-backup', input: { instance: refOf(), trigger: { kind: 'scheduled', slot: firstSlot } } },
    ]);
    const { id, input } = world.starter.started[0] ?? {};
    expect(id).toBe(`backup:${(input as { jobId: string }).jobId}`);
    expect(await slotsOf(world)).toMatchObject([{ slot: firstSlot, outcome: 'started' }]);
    expect(await dueOf(world)).toEqual([expect.stringMatching(/^2026-03-05T02:00:00\.000Z\|/)]);
  });

  it('reads the due index up to now, and no instance that is not due', async () => {
    const world = await protectedWorld();
    for (let index = 0; index < 20; index++) await protect(world, `idle-${index}`);
    world.faults.revive();
    await tick(world);
    expect(world.faults.calls.map(({ method, args }) => `${method} ${String(args[0])}`)).toEqual(['list Due']);

    const sooner = { intervals: [{ start: '2026-03-02T01:30:00.000Z' }], timeZone: 'UTC' };
    await setPolicy(world, { ...weeklyPolicy, schedule: sooner }, 'sooner');
    await world.catalog.instances.update(refOf('idle-7'), (current) => current && { ...current, policyName: 'sooner' });
    await refreshDueOfPolicy(world.catalog, refOf(), 'sooner', world.now);
    world.advance(1800);
    world.faults.revive();
    expect(await tick(world)).toEqual({ started: 1 });
    const read = world.faults.calls.filter(({ method, args }) => method === 'get' && args[0] === 'Instances');
    expect(new Set(read.map(({ args }) => args[2]))).toEqual(new Set(['idle-7']));
    expect(world.faults.calls.filter(({ method }) => method === 'list')).toHaveLength(1);
  });

  it('that dies at any store call is completed by the next, with exactly one start for the slot', async () => {
    const crashes = await crashEverywhere(dueWorld, tick, async (world, { call }) => {
      const slots = world.starter.started.map(({ input }) => JSON.stringify(input));
      expect(slots, call).toHaveLength(1);
      expect(await slotsOf(world), call).toMatchObject([{ slot: firstSlot, outcome: 'started' }]);
      const due = await dueOf(world);
      expect(due, call).toEqual([(await world.catalog.instances.get(refOf()))?.value.nextDue]);
      expect(due[0], call).toMatch(/^2026-03-05/);
    });
    expect(crashes).toBeGreaterThanOrEqual(14);
  });

  it('that dies right before or after the start is completed by the next, with the same job', async () => {
    for (const effect of ['lost', 'done'] as const) {
      const world = await dueWorld();
      const start = world.starter.start.bind(world.starter);
      let tried: unknown;
      world.starter.start = async (run) => {
        tried = run;
        if (effect === 'done') await start(run);
        throw new Error('the host died');
      };
      expect(await tick(world)).toEqual({ started: 0 });
      world.starter.start = start;
      world.advance(60);
      await tick(world);
      expect(world.starter.started).toEqual([tried]);
      expect(await dueOf(world)).toEqual([expect.stringMatching(/^2026-03-05/)]);
    }
  });

  it('that died after the start does not start a run again that has ended meanwhile', async () => {
    const world = await dueWorld();
    const start = world.starter.start.bind(world.starter);
    world.starter.start = async (run) => {
      await start(run);
      world.starter.states.set(run.id, 'ended');
      throw new Error('the host died');
    };
    await tick(world);
    world.starter.start = start;
    world.advance(60);
    await tick(world);
    expect(world.starter.started).toHaveLength(1);
  });

  it('beside another at the same moment starts once', async () => {
    const world = await dueWorld();
    await Promise.all([tick(world), tick(world), tick(world)]);
    expect(world.starter.started).toHaveLength(1);
    expect(await dueOf(world)).toEqual([(await world.catalog.instances.get(refOf()))?.value.nextDue]);
  });

  it('after days without a host runs the latest slot once and records the older ones as missed', async () => {
    const world = await protectedWorld();
    world.now = new Date('2026-03-13T12:00:00.000Z');
    await tick(world);
    await tick(world);
    expect(world.starter.started).toHaveLength(1);
    expect((await slotsOf(world)).map(({ slot, outcome }) => `${slot.slice(0, 10)} ${outcome}`)).toEqual([
      '2026-03-02 missed',
      '2026-03-05 missed',
      '2026-03-09 missed',
      '2026-03-12 started',
    ]);
    expect(world.logged.filter(({ message }) => message === 'a scheduled backup was missed')).toHaveLength(3);
  });

  it('after days gives a slot that a dying tick had claimed but not started its outcome: missed', async () => {
    const world = await dueWorld();
    const start = world.starter.start.bind(world.starter);
    world.starter.start = () => Promise.reject(new Error('the host died'));
    await tick(world);
    world.starter.start = start;
    expect(await slotsOf(world)).toMatchObject([{ slot: firstSlot, outcome: 'started' }]);
    world.now = new Date('2026-03-05T12:00:00.000Z');
    await tick(world);
    expect(await slotsOf(world)).toMatchObject([
      { slot: firstSlot, outcome: 'missed', reason: expect.stringContaining('not running') },
      { outcome: 'started' },
    ]);
    expect(world.starter.started).toHaveLength(1);
  });

  it('does not call a slot missed whose backup runs still', async () => {
    const world = await dueWorld();
    await tick(world);
    world.now = new Date('2026-03-13T12:00:00.000Z');
    await world.catalog.instances.update(
      refOf(),
      (current) => current && { ...current, scheduledThrough: '2026-03-01T00:00:00.000Z' },
    );
    await tick(world);
    expect((await slotsOf(world))[0]).toMatchObject({ slot: firstSlot, outcome: 'started' });
  });

  it('catches up with more missed slots than one step takes, and forgets none', async () => {
    const world = await protectedWorld();
    world.now = new Date('2031-03-03T12:00:00.000Z');
    for (let round = 0; round < 4; round++) await tick(world);
    const slots = await slotsOf(world);
    expect(slots.filter(({ outcome }) => outcome === 'started')).toMatchObject([{ slot: '2031-03-03T02:00:00.000Z' }]);
    expect(slots).toHaveLength(523);
    expect(world.starter.started).toHaveLength(1);
  });

  it('leaves one that cannot be started due, says so, and starts the others', async () => {
    const world = await protectedWorld();
    await protect(world, 'broken');
    await protect(world, 'zebra');
    await world.catalog.instances.update(refOf('broken'), (current) => current && { ...current, policyName: 'gone' });
    world.now = new Date(firstSlot);
    expect(await tick(world)).toEqual({ started: 2 });
    expect(world.logged).toMatchObject([{ level: 'error', message: 'a due backup could not be started' }]);
    expect((await dueOf(world))[0]).toMatch(/^2026-03-02.*broken$/);
    await world.catalog.instances.update(refOf('broken'), (current) => current && { ...current, policyName: 'weekly' });
    expect(await tick(world)).toEqual({ started: 1 });
  });

  it('starts at most a hundred, however many cannot be started before them', async () => {
    const world = await protectedWorld();
    for (let index = 0; index < 230; index++) {
      const name = index < 110 ? `a-broken-${index}` : `b-fine-${index}`;
      await protect(world, name);
      if (index < 110)
        await world.catalog.instances.update(refOf(name), (current) => current && { ...current, policyName: 'gone' });
    }
    world.now = new Date(firstSlot);
    expect(await tick(world)).toEqual({ started: 100 });
    expect(await tick(world)).toEqual({ started: 21 });
  });
});

describe('a schedule that changes', () => {
  it('is followed from now on: nothing of the old one starts', async () => {
    const world = await protectedWorld();
    const tuesdays = { intervals: [{ start: '2026-01-06T05:00:00.000Z' }], timeZone: 'UTC' };
    await setPolicy(world, { ...weeklyPolicy, schedule: tuesdays });
    await refreshDueOfPolicy(world.catalog, refOf(), 'WEEKLY', world.now);
    expect(await dueOf(world)).toEqual([expect.stringMatching(/^2026-03-03T05/)]);
    world.now = new Date('2026-03-03T05:00:00.000Z');
    await tick(world);
    expect(world.starter.started).toMatchObject([{ input: { trigger: { slot: '2026-03-03T05:00:00.000Z' } } }]);
    expect(await slotsOf(world)).toHaveLength(1);
  });

  it('while a tick is at work keeps what it was changed to', async () => {
    const world = await dueWorld();
    const halfPast = { intervals: [{ start: '2026-01-05T02:30:00.000Z' }], timeZone: 'UTC' };
    const start = world.starter.start.bind(world.starter);
    world.starter.start = async (run) => {
      world.starter.start = start;
      await start(run);
      await setPolicy(world, { ...weeklyPolicy, schedule: halfPast });
      await refreshDueOfPolicy(world.catalog, refOf(), 'weekly', world.now);
    };
    await tick(world);
    expect((await world.catalog.instances.get(refOf()))?.value.nextDue).toMatch(/^2026-03-02T02:30/);
    world.advance(1800);
    await tick(world);
    expect(world.starter.started).toHaveLength(2);
    // The row of the old schedule, which the tick had written, is nobody's.
    world.now = new Date('2026-03-05T02:00:00.000Z');
    expect(await tick(world)).toEqual({ started: 0 });
    expect(await dueOf(world)).toEqual([expect.stringMatching(/^2026-03-09T02:30/)]);
  });

  it('keeps its local time over the change to summer time', async () => {
    const world = await protectedWorld();
    const berlin = { intervals: [{ start: '2026-03-22T01:30:00.000Z' }], timeZone: 'Europe/Berlin' };
    await setPolicy(world, { ...weeklyPolicy, schedule: berlin });
    await refreshDueOfPolicy(world.catalog, refOf(), 'weekly', new Date('2026-03-20T00:00:00.000Z'));
    const slots: string[] = [];
    for (let week = 0; week < 3; week++) {
      const [key = ''] = await dueOf(world);
      world.now = new Date(key.slice(0, 24));
      await tick(world);
      slots.push(key.slice(0, 16));
    }
    // 02:30 does not exist on 29 March; the slot is at 03:00, and at 02:30 again from then on.
    expect(slots).toEqual(['2026-03-22T01:30', '2026-03-29T01:00', '2026-04-05T00:30']);
  });
});

describe('an instance that is not protected any more', () => {
  it('is not started, and its due row goes', async () => {
    const world = await dueWorld();
    const key = (await world.catalog.instances.get(refOf()))?.value.nextDue ?? '';
    await deleteInstance(world);
    await world.catalog.slots.setDue({ at: firstSlot, instance: refOf() });
    expect(await dueOf(world)).toEqual([key]);
    expect(await tick(world)).toEqual({ started: 0 });
    expect(await dueOf(world)).toEqual([]);
  });

  it('has its slot skipped when it was deleted between start and opening', async () => {
    const world = await dueWorld();
    await tick(world);
    await deleteInstance(world);
    const run = world.starter.started[0];
    if (run?.name !== 'run-backup') throw new Error('no backup was started');
    expect(await world.activities['open-backup'](run.input)).toMatchObject({ proceed: false });
    expect(await slotsOf(world)).toMatchObject([{ outcome: 'skipped' }]);
  });
});

it('ends each slot in exactly one outcome over weeks of ticks, backups and outages', async () => {
  const world = await protectedWorld();
  for (let day = 2; day <= 30; day++) {
    const isOff = day >= 10 && day < 18;
    world.now = new Date(Date.UTC(2026, 2, day, 2, 0, 30));
    if (isOff) continue;
    await tick(world);
    const run = world.starter.started.at(-1);
    if (run?.name !== 'run-backup' || world.starter.states.get(run.id) !== 'running') continue;
    await backUp(world, run.input);
    world.starter.states.set(run.id, 'ended');
  }
  expect((await slotsOf(world)).map(({ slot, outcome }) => `${slot.slice(8, 10)} ${outcome}`)).toEqual([
    '02 done',
    '05 done',
    '09 done',
    '12 missed',
    '16 done',
    '19 done',
    '23 done',
    '26 done',
    '30 done',
  ]);
});
