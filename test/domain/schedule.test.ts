import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Schedule } from '../../shared/domain/policy.ts';
import { dueSlots, maximumDueSlots, nextSlot, nominalTimeOfDay, slotsBetween } from '../../shared/domain/schedule.ts';
import { clockOf, firstInstantAt, transitionsOf } from './local-clock.ts';

const day = 86_400_000;
const week = 7 * day;
const iso = (instant: number): string => new Date(instant).toISOString();
const weekly = (timeZone: string, ...starts: string[]): Schedule => ({
  timeZone,
  intervals: starts.map((start) => ({ start: new Date(start).toISOString() })),
});

const zones = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'Asia/Kolkata',
  'America/Sao_Paulo',
  'Pacific/Apia',
  'America/Havana',
  'America/St_Johns',
  'Pacific/Chatham',
  'UTC',
];

/** Local times of slots of a weekly schedule, one a week, by the second opinion. */
const expectedSlots = (zone: string, firstLocal: number, weeks: number): string[] => {
  const clock = clockOf(zone);
  return Array.from({ length: weeks }, (_, index) => iso(firstInstantAt(clock, firstLocal + index * week)));
};

describe('slots across clock changes', () => {
  it('keep the local time, run right after a skipped hour and once in a repeated one', () => {
    // 30 March 2025, 02:00 -> 03:00; 26 October 2025, 03:00 -> 02:00.
    expect(
      slotsBetween(weekly('Europe/Berlin', '2025-03-23T02:30+01:00'), '2025-03-01T00:00Z', '2025-04-07T00:00Z'),
    ).toEqual(['2025-03-23T01:30:00.000Z', '2025-03-30T01:00:00.000Z', '2025-04-06T00:30:00.000Z']);
    expect(
      slotsBetween(weekly('Europe/Berlin', '2025-10-19T02:30+02:00'), '2025-10-01T00:00Z', '2025-11-03T00:00Z'),
    ).toEqual(['2025-10-19T00:30:00.000Z', '2025-10-26T00:30:00.000Z', '2025-11-02T01:30:00.000Z']);
  });

  it('shift by half an hour on Lord Howe Island', () => {
    // 5 October 2025, 02:00 -> 02:30; 6 April 2025, 02:00 -> 01:30.
    const spring = weekly('Australia/Lord_Howe', '2025-09-28T02:15+10:30');
    expect(slotsBetween(spring, '2025-10-01T00:00Z', '2025-10-13T00:00Z')).toEqual([
      '2025-10-04T15:30:00.000Z',
      '2025-10-11T15:15:00.000Z',
    ]);
    const autumn = weekly('Australia/Lord_Howe', '2025-03-30T01:45+11:00');
    expect(slotsBetween(autumn, '2025-04-01T00:00Z', '2025-04-14T00:00Z')).toEqual([
      '2025-04-05T14:45:00.000Z',
      '2025-04-12T15:15:00.000Z',
    ]);
  });

  it('move to the next day when a whole day is skipped, and coincide with that day’s slot only when both are at its first instant', () => {
    // Samoa had no 30 December 2011.
    const friday = weekly('Pacific/Apia', '2011-12-23T05:00-10:00');
    expect(slotsBetween(friday, '2011-12-24T00:00Z', '2012-01-07T00:00Z')).toEqual([
      '2011-12-30T10:00:00.000Z',
      '2012-01-05T15:00:00.000Z',
    ]);
    const fridayAndSaturday = weekly('Pacific/Apia', '2011-12-23T00:00-10:00', '2011-12-24T00:00-10:00');
    expect(slotsBetween(fridayAndSaturday, '2011-12-26T00:00Z', '2012-01-01T00:00Z')).toEqual([
      '2011-12-30T10:00:00.000Z',
    ]);
  });

  it('run at one o’clock where midnight does not exist', () => {
    // São Paulo, 4 November 2018, 00:00 -> 01:00.
    const schedule = weekly('America/Sao_Paulo', '2018-10-28T00:00-03:00');
    expect(slotsBetween(schedule, '2018-11-01T00:00Z', '2018-11-05T00:00Z')).toEqual(['2018-11-04T03:00:00.000Z']);
    expect(nominalTimeOfDay(schedule, '2018-11-04T03:00:00.000Z')).toBe('00:00:00');
  });

  it.each(zones)('agree with a second clock around every change of %s from 2024 to 2035', (zone) => {
    const clock = clockOf(zone);
    const changes = transitionsOf(clock, Date.UTC(2024, 0, 1), Date.UTC(2036, 0, 1));
    // A zone without changes is sampled where others have theirs.
    const samples =
      changes.length > 0 ? changes : [Date.UTC(2024, 1, 29), Date.UTC(2027, 2, 28), Date.UTC(2035, 9, 28)];
    for (const change of samples) {
      for (let minutes = -90; minutes <= 90; minutes += 30) {
        const local = clock(change - 15 * 60_000) + 15 * 60_000 + minutes * 60_000;
        const expected = expectedSlots(zone, local - week, 3);
        const [start = ''] = expected;
        const schedule = weekly(zone, start);
        expect(slotsBetween(schedule, iso(Date.parse(start) - 1), expected[2] ?? '')).toEqual(expected);
        expect(nextSlot(schedule, start)).toBe(expected[1]);
        expect(nextSlot(schedule, expected[1] ?? '')).toBe(expected[2]);
      }
    }
  });

  it('agree with a second clock in the middle of every change of every IANA zone, seed by seed', () => {
    const all = Intl.supportedValuesOf('timeZone');
    const run = fc.property(fc.constantFrom(...all), fc.integer({ min: 2024, max: 2035 }), (zone, year) => {
      const clock = clockOf(zone);
      for (const change of transitionsOf(clock, Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1))) {
        const before = clock(change - 15 * 60_000) + 15 * 60_000;
        const local = Math.min(before, clock(change)) + 15 * 60_000;
        const expected = expectedSlots(zone, local - week, 3);
        const schedule = weekly(zone, expected[0] ?? '');
        expect(slotsBetween(schedule, '2023-01-01T00:00Z', expected[2] ?? '')).toEqual(expected);
      }
    });
    fc.assert(run, { numRuns: 40 });
  });
});

describe('slots', () => {
  it('do not exist before the start of their interval', () => {
    const schedule = weekly('UTC', '2026-01-04T22:00Z', '2026-02-03T22:00Z');
    expect(slotsBetween(schedule, '2020-01-01T00:00Z', '2026-01-18T22:00Z')).toEqual([
      '2026-01-04T22:00:00.000Z',
      '2026-01-11T22:00:00.000Z',
      '2026-01-18T22:00:00.000Z',
    ]);
    expect(nextSlot(schedule, '1999-01-01T00:00Z')).toBe('2026-01-04T22:00:00.000Z');
    expect(slotsBetween(schedule, '2026-02-01T22:00Z', '2026-02-09T00:00Z')).toEqual([
      '2026-02-03T22:00:00.000Z',
      '2026-02-08T22:00:00.000Z',
    ]);
  });

  it('begin with the start itself, also in the second pass of a repeated hour', () => {
    const schedule = weekly('Europe/Berlin', '2025-10-26T02:30+01:00');
    expect(nextSlot(schedule, '2025-01-01T00:00Z')).toBe('2025-10-26T01:30:00.000Z');
    expect(nextSlot(schedule, '2025-10-26T01:30Z')).toBe('2025-11-02T01:30:00.000Z');
  });

  it('exclude the first bound and include the last', () => {
    const schedule = weekly('UTC', '2026-01-04T22:00Z');
    expect(slotsBetween(schedule, '2026-01-04T22:00Z', '2026-01-11T22:00Z')).toEqual(['2026-01-11T22:00:00.000Z']);
    expect(slotsBetween(schedule, '2026-01-11T22:00Z', '2026-01-11T22:00Z')).toEqual([]);
  });

  it('are the same whether asked for at once or one after the other', () => {
    const property = fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2034, 0, 1) }),
      fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 7 }),
      (zone, base, days) => {
        const schedule = weekly(zone, ...days.map((number) => iso(base + number * day)));
        const until = iso(base + 8 * week);
        const chain: string[] = [];
        for (let at = nextSlot(schedule, iso(base - 1)); at !== undefined && at <= until; at = nextSlot(schedule, at)) {
          chain.push(at);
        }
        expect(chain).toEqual(slotsBetween(schedule, iso(base - 1), until));
        expect(new Set(chain).size).toBe(chain.length);
        expect(chain).toEqual([...chain].sort());
      },
    );
    fc.assert(property, { numRuns: 40 });
  });
});

describe('due slots', () => {
  const schedule = weekly('Europe/Berlin', '2026-01-05T03:00+01:00', '2026-01-08T03:00+01:00');

  it('run the latest and report the older ones as missed', () => {
    expect(dueSlots({ schedule, scheduledThrough: '2026-01-05T02:00:00.000Z', now: '2026-01-16T00:00:00Z' })).toEqual({
      run: '2026-01-15T02:00:00.000Z',
      missed: ['2026-01-08T02:00:00.000Z', '2026-01-12T02:00:00.000Z'],
      through: '2026-01-15T02:00:00.000Z',
    });
  });

  it('are none when the clock went backwards or the bookkeeping is ahead of it', () => {
    const now = '2026-01-09T00:00:00.000Z';
    for (const scheduledThrough of [now, '2026-02-01T00:00:00.000Z', '2026-01-08T02:00:00.000Z']) {
      expect(dueSlots({ schedule, scheduledThrough, now })).toEqual({ missed: [], through: scheduledThrough });
    }
  });

  it('become due at their very instant', () => {
    const scheduledThrough = '2026-01-06T00:00:00.000Z';
    expect(dueSlots({ schedule, scheduledThrough, now: '2026-01-08T01:59:59.999Z' }).run).toBeUndefined();
    expect(dueSlots({ schedule, scheduledThrough, now: '2026-01-08T02:00:00.000Z' }).run).toBe(
      '2026-01-08T02:00:00.000Z',
    );
  });

  it('are worked off in bounded steps after years of absence, none forgotten, the latest run', () => {
    const now = '2036-01-01T00:00:00.000Z';
    const outcomes = new Map<string, string>();
    let through = '2026-01-01T00:00:00.000Z';
    let run: string | undefined;
    for (let step = 0; run === undefined && step < 10; step += 1) {
      const due = dueSlots({ schedule, scheduledThrough: through, now });
      expect(due.missed.length).toBeLessThanOrEqual(maximumDueSlots);
      for (const slot of due.missed) outcomes.set(slot, 'missed');
      ({ run, through } = due);
    }
    const all = slotsBetween(schedule, '2026-01-01T00:00:00Z', now);
    expect(run).toBe(all.at(-1));
    expect([...outcomes.keys()]).toEqual(all.slice(0, -1));
  });

  it('give each slot exactly one outcome, however irregular the ticks and however often one is delivered twice', () => {
    const ticks = fc.array(fc.integer({ min: -2 * 60, max: 12 * 24 * 60 }), { minLength: 1, maxLength: 40 });
    const property = fc.property(fc.constantFrom(...zones), ticks, fc.boolean(), (zone, gaps, twice) => {
      const begin = Date.UTC(2025, 8, 1);
      const mine = weekly(zone, iso(begin + 30 * 60_000), iso(begin + 3 * day + 30 * 60_000));
      const outcomes: string[] = [];
      let through = iso(begin);
      let now = begin;
      let latest = begin;
      for (const gap of gaps) {
        now += gap * 60_000;
        latest = Math.max(latest, now);
        for (let delivery = 0; delivery < (twice ? 2 : 1); delivery += 1) {
          const due = dueSlots({ schedule: mine, scheduledThrough: through, now: iso(now) });
          outcomes.push(...due.missed, ...(due.run === undefined ? [] : [due.run]));
          ({ through } = due);
        }
      }
      expect(outcomes).toEqual(slotsBetween(mine, iso(begin), iso(latest)));
    });
    fc.assert(property, { numRuns: 60 });
  });
});
