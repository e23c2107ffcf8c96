import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VaultError } from '../../shared/domain/errors.ts';
import type { BackupPolicy, TagCriterion } from '../../shared/domain/policy.ts';
import { slotsBetween } from '../../shared/domain/schedule.ts';
import { chooseTag, tagForAdhoc } from '../../shared/domain/tagging.ts';
import { clockOf, isoWeek } from './local-clock.ts';

type Rule = [tag: string, priority: number, ...criteria: TagCriterion[]];

const dailyStarts = Array.from({ length: 7 }, (_, index) => new Date(Date.UTC(2023, 0, 2 + index, 2)).toISOString());

function policyOf(rules: Rule[], timeZone = 'UTC', starts: string[] = dailyStarts): BackupPolicy {
  return {
    backupRuleName: 'BackupWeekly',
    schedule: { timeZone, intervals: starts.map((start) => ({ start })) },
    tagging: [
      ...rules.map(([tag, priority, ...criteria]) => ({ tag, priority, isDefault: false, criteria })),
      { tag: 'Default', priority: 99, isDefault: true, criteria: [] },
    ],
    retention: [],
  };
}

const grandfather: Rule[] = [
  ['Weekly', 20, { absolute: ['FirstOfWeek'] }],
  ['Yearly', 10, { absolute: ['FirstOfYear'] }],
  ['Monthly', 15, { absolute: ['FirstOfMonth'] }],
];

/** Tags of a row of slots, of which some failed; as `date tag`. */
function history(policy: BackupPolicy, slots: readonly string[], failed: ReadonlySet<string> = new Set()): string[] {
  const points: { slot: string }[] = [];
  const tags: string[] = [];
  for (const slot of slots) {
    if (failed.has(slot)) continue;
    tags.push(`${slot.slice(0, 10)} ${chooseTag({ policy, slot, earlierScheduledPoints: points }).tag}`);
    points.push({ slot });
  }
  return tags;
}

const slotsOf = (policy: BackupPolicy, from: string, to: string): string[] => slotsBetween(policy.schedule, from, to);

describe('the tag of a scheduled backup', () => {
  it('is that of the first period it begins: year before month before week before default', () => {
    const policy = policyOf(grandfather);
    // 2024 begins on a Monday.
    expect(history(policy, slotsOf(policy, '2023-12-31T12:00Z', '2024-01-09T00:00Z'))).toEqual([
      '2024-01-01 Yearly',
      '2024-01-02 Default',
      '2024-01-03 Default',
      '2024-01-04 Default',
      '2024-01-05 Default',
      '2024-01-06 Default',
      '2024-01-07 Default',
      '2024-01-08 Weekly',
    ]);
  });

  it('counts ISO weeks across the turn of the year', () => {
    const policy = policyOf([['Weekly', 20, { absolute: ['FirstOfWeek'] }]]);
    // Week 1 of 2025 is 30 December 2024 to 5 January 2025; week 53 of 2026 ends on 3 January 2027.
    expect(history(policy, slotsOf(policy, '2024-12-28T12:00Z', '2025-01-07T00:00Z'))).toEqual([
      '2024-12-29 Weekly',
      '2024-12-30 Weekly',
      '2024-12-31 Default',
      '2025-01-01 Default',
      '2025-01-02 Default',
      '2025-01-03 Default',
      '2025-01-04 Default',
      '2025-01-05 Default',
      '2025-01-06 Weekly',
    ]);
    expect(history(policy, slotsOf(policy, '2026-12-31T12:00Z', '2027-01-05T00:00Z'))).toEqual([
      '2027-01-01 Weekly',
      '2027-01-02 Default',
      '2027-01-03 Default',
      '2027-01-04 Weekly',
    ]);
  });

  it('is judged among all scheduled backups of the period, whatever tag they got', () => {
    const policy = policyOf(grandfather);
    // The first of January is the yearly one; the next is not the first of the month, though no monthly one exists.
    const points = [{ slot: '2025-01-01T02:00:00.000Z' }];
    const choose = (slot: string) => chooseTag({ policy, slot, earlierScheduledPoints: points });
    expect(choose('2025-01-02T02:00:00.000Z')).toEqual({ tag: 'Default', reason: 'default: no other rule matched' });
    expect(choose('2025-02-01T02:00:00.000Z').tag).toBe('Monthly');
  });

  it('goes to the first successful backup when the first ones failed', () => {
    const policy = policyOf(grandfather);
    const slots = slotsOf(policy, '2025-05-31T12:00Z', '2025-06-06T00:00Z');
    expect(history(policy, slots, new Set(slots.slice(0, 3)))).toEqual(['2025-06-04 Yearly', '2025-06-05 Default']);
  });

  it('is the same when the run is repeated, and when an even later slot was quicker the period is taken', () => {
    const policy = policyOf(grandfather);
    const slot = '2025-01-01T02:00:00.000Z';
    expect(chooseTag({ policy, slot, earlierScheduledPoints: [{ slot: '2025-01-01T02:00:00Z' }] }).tag).toBe('Yearly');
    expect(chooseTag({ policy, slot, earlierScheduledPoints: [{ slot: '2025-01-02T02:00:00Z' }] }).tag).toBe('Default');
  });

  it('follows the local date of the policy’s zone', () => {
    // 15:00Z on 31 December is 00:00 on 1 January in Tokyo.
    const starts = ['2023-12-31T15:00:00.000Z'];
    const slot = '2024-12-31T15:00:00.000Z';
    const earlierScheduledPoints = [{ slot: '2024-12-24T15:00:00.000Z' }];
    const tokyo = policyOf(grandfather, 'Asia/Tokyo', starts);
    const utc = policyOf(grandfather, 'UTC', starts);
    expect(chooseTag({ policy: tokyo, slot, earlierScheduledPoints })).toEqual({
      tag: 'Yearly',
      reason: 'FirstOfYear: first successful scheduled backup of 2025',
    });
    expect(chooseTag({ policy: utc, slot, earlierScheduledPoints }).tag).toBe('Weekly');
  });

  it('is the default’s last, whatever its priority', () => {
    const policy = policyOf(grandfather);
    const criteria: TagCriterion[] = [{ absolute: ['AllBackup'] }];
    const first = {
      ...policy,
      tagging: policy.tagging.map((rule) => (rule.isDefault ? { ...rule, priority: 1, criteria } : rule)),
    };
    expect(chooseTag({ policy: first, slot: '2025-01-01T02:00:00Z', earlierScheduledPoints: [] }).tag).toBe('Yearly');
  });

  const days = (...criteria: TagCriterion[]) => policyOf([['Special', 10, ...criteria]]);
  const special = (policy: BackupPolicy, from: string, to: string): string[] =>
    history(policy, slotsOf(policy, from, to))
      .filter((line) => line.endsWith('Special'))
      .map((line) => line.slice(0, 10));

  it('can ask for the last day of the month, leap years included', () => {
    const policy = days({ daysOfMonth: [{ isLast: true }] });
    expect(special(policy, '2024-01-30T12:00Z', '2024-05-01T00:00Z')).toEqual([
      '2024-01-31',
      '2024-02-29',
      '2024-03-31',
      '2024-04-30',
    ]);
    expect(special(policy, '2025-02-01T00:00Z', '2025-03-02T00:00Z')).toEqual(['2025-02-28']);
  });

  it('can ask for days of the month', () => {
    const policy = days({ daysOfMonth: [{ date: 1 }, { date: 15 }] });
    expect(special(policy, '2024-01-31T12:00Z', '2024-03-14T12:00Z')).toEqual([
      '2024-02-01',
      '2024-02-15',
      '2024-03-01',
    ]);
  });

  it('can ask for a weekday of some weeks of the month', () => {
    const sundays = (...weeksOfTheMonth: NonNullable<TagCriterion['weeksOfTheMonth']>) =>
      special(days({ daysOfTheWeek: ['Sunday'], weeksOfTheMonth }), '2025-06-01T00:00Z', '2025-07-01T00:00Z');
    // Sundays: 1, 8, 15, 22, 29 June 2025.
    expect(sundays('First')).toEqual(['2025-06-01']);
    expect(sundays('Second', 'Fourth')).toEqual(['2025-06-08', '2025-06-22']);
    expect(sundays('Last')).toEqual(['2025-06-29']);
    expect(sundays('Third', 'Last')).toEqual(['2025-06-15', '2025-06-29']);
  });

  it('finds the last weekday also when it is the first of the last seven days', () => {
    const policy = days({ daysOfTheWeek: ['Tuesday'], weeksOfTheMonth: ['Last'] });
    expect(special(policy, '2025-06-01T00:00Z', '2025-08-01T00:00Z')).toEqual(['2025-06-24', '2025-07-29']);
  });

  it('takes the fourth and the last weekday of a February of 28 days for the same', () => {
    for (const week of ['Fourth', 'Last'] as const) {
      const policy = days({ daysOfTheWeek: ['Friday'], weeksOfTheMonth: [week] });
      expect(special(policy, '2025-02-01T00:00Z', '2025-03-01T00:00Z')).toEqual(['2025-02-28']);
    }
  });

  it('needs every condition of a criterion and any criterion of a rule', () => {
    const policy = days(
      { monthsOfYear: ['March'], daysOfMonth: [{ date: 1 }] },
      { monthsOfYear: ['April'], daysOfTheWeek: ['Monday'], weeksOfTheMonth: ['First'] },
    );
    expect(special(policy, '2025-02-27T00:00Z', '2025-05-01T00:00Z')).toEqual(['2025-03-01', '2025-04-07']);
  });

  it('can ask for the time of day of the schedule, also when the clock jumped over it', () => {
    const starts = ['2025-03-23T01:30:00.000Z'];
    const at = (time: string) => policyOf([['Timed', 10, { scheduleTimes: [time] }]], 'Europe/Berlin', starts);
    const choose = (time: string, slot: string) =>
      chooseTag({ policy: at(time), slot, earlierScheduledPoints: [] }).tag;
    expect(choose('2020-01-15T01:30:00Z', '2025-03-23T01:30:00.000Z')).toBe('Timed');
    expect(choose('2020-07-15T00:30:00Z', '2025-03-30T01:00:00.000Z')).toBe('Timed');
    expect(choose('2020-01-15T02:30:00Z', '2025-03-23T01:30:00.000Z')).toBe('Default');
  });

  it('can be that of every backup', () => {
    const policy = days({ absolute: ['AllBackup'] });
    expect(special(policy, '2025-01-01T12:00Z', '2025-01-04T12:00Z')).toHaveLength(3);
  });

  it('agrees with a second model over years of daily or weekly backups, failures and zones', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Pacific/Apia', 'Asia/Kolkata', 'Australia/Lord_Howe'];
    const property = fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: 2023, max: 2034 }),
      fc.integer({ min: 0, max: 95 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 3 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
      (zone, year, quarter, weekdays, failures) => {
        const begin = Date.UTC(year, 10, 20) + quarter * 15 * 60_000;
        const starts = weekdays.map((day) => new Date(begin + day * 86_400_000).toISOString());
        const policy = policyOf(grandfather, zone, starts);
        const slots = slotsOf(policy, '2020-01-01T00:00Z', new Date(Date.UTC(year + 1, 1, 20)).toISOString());
        const failed = new Set(slots.filter((_, index) => failures[index % failures.length]));
        expect(history(policy, slots, failed)).toEqual(modelled(slots, failed, zone));
      },
    );
    fc.assert(property, { numRuns: 40 });
  });
});

/** The second model: walk through the successful backups and tick off periods, with Intl's clock and the definition of ISO weeks. */
function modelled(slots: readonly string[], failed: ReadonlySet<string>, zone: string): string[] {
  const clock = clockOf(zone);
  const seen = new Set<string>();
  const isFirst = (period: string): boolean => !seen.has(period);
  const tags: string[] = [];
  for (const slot of slots) {
    if (failed.has(slot)) continue;
    const local = clock(Date.parse(slot));
    const date = new Date(local).toISOString();
    const periods = { Yearly: date.slice(0, 4), Monthly: date.slice(0, 7), Weekly: `W${isoWeek(local)}` };
    const tag = Object.entries(periods).find(([, period]) => isFirst(period))?.[0] ?? 'Default';
    Object.values(periods).forEach((period) => seen.add(period));
    tags.push(`${slot.slice(0, 10)} ${tag}`);
  }
  return tags;
}

describe('the tag of an on-demand backup', () => {
  const policy = policyOf(grandfather);
  const refusal = (ruleName: string, override?: string): unknown => {
    try {
      return tagForAdhoc(policy, ruleName, override);
    } catch (error) {
      return error instanceof VaultError ? error.toRecord() : error;
    }
  };

  it('is the one given, in the policy’s spelling', () => {
    expect(tagForAdhoc(policy, 'BackupWeekly', 'Monthly')).toBe('Monthly');
    expect(tagForAdhoc(policy, 'backupweekly', 'monthly')).toBe('Monthly');
  });

  it('is the default without one', () => {
    expect([undefined, null, ''].map((none) => tagForAdhoc(policy, 'BackupWeekly', none))).toEqual([
      'Default',
      'Default',
      'Default',
    ]);
  });

  it('is refused when the rule is a retention rule', () => {
    expect(refusal('Monthly')).toMatchObject({
      code: 'BMSUserErrorDPPAdhocBackupNotAllowedForBackupType',
      target: 'backupRuleOptions.ruleName',
      message: "'Monthly' is not a backup rule of the policy.",
      recommendedAction: expect.stringContaining('(BackupWeekly)') as string,
    });
  });

  it('is refused when the policy has no such tag', () => {
    expect(refusal('BackupWeekly', 'Daily')).toMatchObject({
      code: 'BMSUserErrorInvalidInput',
      target: 'backupRuleOptions.triggerOption.retentionTagOverride',
      message: expect.stringContaining("no retention rule 'Daily' (it has Weekly, Yearly, Monthly, Default)") as string,
    });
  });
});
