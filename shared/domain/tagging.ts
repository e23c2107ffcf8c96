import { Temporal } from 'temporal-polyfill';
import { VaultError } from './errors.ts';
import type { BackupPolicy, Schedule, TagCriterion, TaggingRule, Weekday } from './policy.ts';
import { nominalTimeOfDay } from './schedule.ts';

/**
 * Which retention tag a new recovery point gets. Rules are asked in the order of their priority (lowest number first), the default
 * last whatever its number; the first match wins.
 */

export interface TagChoice {
  tag: string;
  /** Why, for people: kept with the job and shown beside the recovery point. */
  reason: string;
}

export const weekdays: readonly Weekday[] = [
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
  'Sunday',
];

export const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

type Period = Exclude<NonNullable<TagCriterion['absolute']>[number], 'AllBackup'>;

/** Names the day, ISO week (Monday to Sunday, of the ISO week year), month or year that a date lies in. */
function periodOf(kind: Period, date: Temporal.PlainDate): string {
  const year = String(date.year).padStart(4, '0');
  switch (kind) {
    case 'FirstOfDay':
      return date.toString();
    case 'FirstOfWeek':
      return `${String(date.yearOfWeek)}-W${String(date.weekOfYear).padStart(2, '0')}`;
    case 'FirstOfMonth':
      return `${year}-${String(date.month).padStart(2, '0')}`;
    case 'FirstOfYear':
      return year;
  }
}

/** `First` is day 1 to 7, … `Fourth` day 22 to 28, `Last` the last seven days: with one weekday given, its first … last in the month. */
const isInWeek = (week: string, date: Temporal.PlainDate): boolean =>
  week === 'Last'
    ? date.day > date.daysInMonth - 7
    : Math.ceil(date.day / 7) === ['First', 'Second', 'Third', 'Fourth'].indexOf(week) + 1;

interface SlotFacts {
  schedule: Schedule;
  slot: string;
  date: Temporal.PlainDate;
  /** Local dates of the other scheduled recovery points. */
  otherDates: readonly Temporal.PlainDate[];
}

const localDate = (slot: string, zone: string): Temporal.PlainDate =>
  Temporal.Instant.from(slot).toZonedDateTimeISO(zone).toPlainDate();

function absoluteReason(criterion: TagCriterion, facts: SlotFacts): string | undefined {
  for (const marker of criterion.absolute ?? []) {
    if (marker === 'AllBackup') return 'AllBackup';
    const period = periodOf(marker, facts.date);
    const taken = facts.otherDates.some((other) => periodOf(marker, other) === period);
    if (!taken) return `${marker}: first successful scheduled backup of ${period}`;
  }
  return undefined;
}

const timeOfDay = (instant: string, zone: string): string =>
  Temporal.Instant.from(instant).toZonedDateTimeISO(zone).toPlainTime().toString();

/** The parts of a criterion are joined by AND, the values of one part by OR. Undefined when the slot does not qualify. */
function criterionReason(criterion: TagCriterion, facts: SlotFacts): string | undefined {
  const { date, schedule } = facts;
  const reasons: string[] = [];
  if (criterion.absolute) {
    const reason = absoluteReason(criterion, facts);
    if (reason === undefined) return undefined;
    reasons.push(reason);
  }
  const weekday = weekdays[date.dayOfWeek - 1];
  const month = months[date.month - 1];
  const week = criterion.weeksOfTheMonth?.find((wanted) => isInWeek(wanted, date));
  const isDay = criterion.daysOfMonth?.some((day) =>
    day.isLast === true ? date.day === date.daysInMonth : day.date === date.day,
  );
  const time = nominalTimeOfDay(schedule, facts.slot);
  const isTime = criterion.scheduleTimes?.some((wanted) => timeOfDay(wanted, schedule.timeZone) === time);
  const parts: [wanted: boolean, matches: boolean, reason: string][] = [
    [
      criterion.daysOfTheWeek !== undefined,
      weekday !== undefined && !!criterion.daysOfTheWeek?.includes(weekday),
      weekday ?? '',
    ],
    [criterion.weeksOfTheMonth !== undefined, week !== undefined, `${week ?? ''} week of the month`],
    [
      criterion.monthsOfYear !== undefined,
      month !== undefined && !!criterion.monthsOfYear?.includes(month),
      month ?? '',
    ],
    [criterion.daysOfMonth !== undefined, isDay === true, `day ${date.day} of the month`],
    [criterion.scheduleTimes !== undefined, isTime === true, `at ${time}`],
  ];
  for (const [wanted, matches, reason] of parts) {
    if (!wanted) continue;
    if (!matches) return undefined;
    reasons.push(reason);
  }
  return reasons.length === 0 ? undefined : reasons.join(', ');
}

const defaultRule = (policy: BackupPolicy): TaggingRule => {
  const rule = policy.tagging.find((candidate) => candidate.isDefault);
  if (!rule) throw new TypeError('a parsed policy has a default tag');
  return rule;
};

/**
 * The tag of a scheduled backup. `earlierScheduledPoints` are the recovery points of scheduled backups that exist already, whatever
 * their tag: FirstOfMonth goes to the first successful one of the month, also when that one became the yearly one. On-demand
 * backups do not belong in the list. At least those of the slot's calendar year and ISO week year must be given; a point of the same slot does not count, so
 * that a repeated run chooses the same. Days are the slots' local dates in the policy's zone.
 */
export function chooseTag(input: {
  policy: BackupPolicy;
  slot: string;
  earlierScheduledPoints: readonly { slot: string }[];
}): TagChoice {
  const { policy, slot, earlierScheduledPoints } = input;
  const zone = policy.schedule.timeZone;
  const own = Temporal.Instant.from(slot);
  const facts: SlotFacts = {
    schedule: policy.schedule,
    slot,
    date: localDate(slot, zone),
    otherDates: earlierScheduledPoints
      .filter((point) => !Temporal.Instant.from(point.slot).equals(own))
      .map((point) => localDate(point.slot, zone)),
  };
  const rules = policy.tagging.filter((rule) => !rule.isDefault).sort((a, b) => a.priority - b.priority);
  for (const rule of rules) {
    for (const criterion of rule.criteria) {
      const reason = criterionReason(criterion, facts);
      if (reason !== undefined) return { tag: rule.tag, reason };
    }
  }
  return { tag: defaultRule(policy).tag, reason: 'default: no other rule matched' };
}

/**
 * The tag of an on-demand backup: the override (compared case-insensitively, returned as the policy spells it), else the default.
 * Throws BMSUserErrorDPPAdhocBackupNotAllowedForBackupType when `ruleName` is not the policy's backup rule, BMSUserErrorInvalidInput
 * for a tag that the policy does not have.
 */
export function tagForAdhoc(policy: BackupPolicy, ruleName: string, override?: string | null): string {
  if (ruleName.toLowerCase() !== policy.backupRuleName.toLowerCase()) {
    throw new VaultError(
      'BMSUserErrorDPPAdhocBackupNotAllowedForBackupType',
      { rule: ruleName.slice(0, 150), backupRule: policy.backupRuleName },
      { target: 'backupRuleOptions.ruleName' },
    );
  }
  if (override === undefined || override === null || override === '') return defaultRule(policy).tag;
  const rule = policy.tagging.find((candidate) => candidate.tag.toLowerCase() === override.toLowerCase());
  if (rule) return rule.tag;
  const target = 'backupRuleOptions.triggerOption.retentionTagOverride';
  const tags = policy.tagging.map((candidate) => candidate.tag).join(', ');
  throw new VaultError(
    'BMSUserErrorInvalidInput',
    { detail: `${target}: the policy has no retention rule '${override.slice(0, 150)}' (it has ${tags})` },
    { target },
  );
}
