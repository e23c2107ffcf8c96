import {
  compact,
  invalid,
  readFlag,
  readInteger,
  readList,
  readName,
  readObject,
  readOneOf,
  shown,
} from './arm-reader.ts';
import type { JsonObject } from './arm-reader.ts';
import type { TagCriterion, TaggingRule } from './policy.ts';
import { readScheduleTime } from './policy-schedule.ts';
import { months, weekdays } from './tagging.ts';

/** Reads the taggingCriteria of a backup rule. */

const markers = ['AllBackup', 'FirstOfDay', 'FirstOfWeek', 'FirstOfMonth', 'FirstOfYear'] as const;
const weeks = ['First', 'Second', 'Third', 'Fourth', 'Last'] as const;

interface Read<T> {
  value: T;
  echo: unknown;
}

/** A list property of a criterion. An empty list counts as not sent: it would match nothing or everything, nobody can tell. */
function readValues<T>(
  value: unknown,
  path: string,
  read: (item: unknown, path: string) => Read<T>,
): Read<T[]> | undefined {
  if (value === undefined) return undefined;
  const items = readList(value, path, { minimum: 0, maximum: 100 }).map((item, index) =>
    read(item, `${path}[${index}]`),
  );
  return items.length === 0
    ? undefined
    : { value: items.map((item) => item.value), echo: items.map((item) => item.echo) };
}

const oneOf =
  <const Value extends string>(allowed: readonly Value[]) =>
  (item: unknown, path: string): Read<Value> => {
    const value = readOneOf(item, path, allowed);
    return { value, echo: value };
  };

/** `{date: 1…28}` or `{isLast: true}`, as the spec says: a date beyond 28 would skip months. */
function readDay(item: unknown, path: string): Read<{ date?: number; isLast?: boolean }> {
  const sent = readObject(item, path, ['date', 'isLast']);
  const isLast = readFlag(sent.get('isLast'), sent.at('isLast'));
  // Clients fill `date` with 0 beside isLast.
  if (isLast) return { value: { isLast }, echo: compact({ date: sent.get('date'), isLast }) };
  const date = readInteger(sent.get('date'), sent.at('date'), { minimum: 1, maximum: 28 });
  return { value: { date }, echo: compact({ date, isLast: sent.get('isLast') }) };
}

const readTime = (item: unknown, path: string): Read<string> => ({ value: readScheduleTime(item, path), echo: item });

function readCriterion(item: unknown, path: string): Read<TagCriterion> {
  const fields = [
    'objectType',
    'absoluteCriteria',
    'daysOfTheWeek',
    'weeksOfTheMonth',
    'monthsOfYear',
    'daysOfMonth',
    'scheduleTimes',
  ] as const;
  const sent = readObject(item, path, fields);
  const objectType = readOneOf(sent.get('objectType'), sent.at('objectType'), ['ScheduleBasedBackupCriteria']);
  const values = <T>(key: (typeof fields)[number], read: (value: unknown, at: string) => Read<T>) =>
    readValues(sent.get(key), sent.at(key), read);
  const absolute = values('absoluteCriteria', oneOf(markers));
  const days = values('daysOfTheWeek', oneOf(weekdays));
  const weekNumbers = values('weeksOfTheMonth', oneOf(weeks));
  const monthNames = values('monthsOfYear', oneOf(months));
  const dates = values('daysOfMonth', readDay);
  const times = values('scheduleTimes', readTime);
  const value: TagCriterion = {
    ...(absolute && { absolute: absolute.value }),
    ...(days && { daysOfTheWeek: days.value }),
    ...(weekNumbers && { weeksOfTheMonth: weekNumbers.value }),
    ...(monthNames && { monthsOfYear: monthNames.value }),
    ...(dates && { daysOfMonth: dates.value }),
    ...(times && { scheduleTimes: times.value }),
  };
  if (Object.keys(value).length === 0) {
    throw invalid(path, "a criterion needs at least one condition (absoluteCriteria ['AllBackup'] for every backup)");
  }
  const echo = compact({
    absoluteCriteria: absolute?.echo,
    daysOfMonth: dates?.echo,
    daysOfTheWeek: days?.echo,
    monthsOfYear: monthNames?.echo,
    scheduleTimes: times?.echo,
    weeksOfTheMonth: weekNumbers?.echo,
    objectType,
  });
  return { value, echo };
}

function readTag(item: unknown, path: string): Read<TaggingRule> {
  const sent = readObject(item, path, ['tagInfo', 'taggingPriority', 'isDefault', 'criteria']);
  const info = readObject(sent.get('tagInfo'), sent.at('tagInfo'), ['tagName'], ['id', 'eTag']);
  const tag = readName(info.get('tagName'), info.at('tagName'));
  const priority = readInteger(sent.get('taggingPriority'), sent.at('taggingPriority'), {
    minimum: 0,
    maximum: 1_000_000,
  });
  const isDefault = readFlag(sent.get('isDefault'), sent.at('isDefault'));
  const criteria = readValues(sent.get('criteria'), sent.at('criteria'), readCriterion);
  if (!isDefault && !criteria) {
    throw invalid(sent.at('criteria'), `the tag ${shown(tag)} is not the default and needs a criterion`);
  }
  return {
    value: { tag, priority, isDefault, criteria: criteria?.value ?? [] },
    echo: compact({
      tagInfo: { tagName: tag, id: `${tag}_` },
      taggingPriority: priority,
      isDefault,
      criteria: criteria?.echo,
    }),
  };
}

/**
 * Exactly one default, no tag and no priority twice. Throws BMSUserErrorInvalidInput.
 */
export function readTagging(value: unknown, path: string): { tagging: TaggingRule[]; echo: JsonObject[] } {
  const read = readList(value, path, { minimum: 1, maximum: 50 }).map((item, index) =>
    readTag(item, `${path}[${index}]`),
  );
  const tagging = read.map((item) => item.value);
  const defaults = tagging.filter((rule) => rule.isDefault).length;
  if (defaults !== 1)
    throw invalid(path, `exactly one tagging criterion must have isDefault true, these are ${defaults}`);
  tagging.forEach((rule, index) => {
    const before = tagging.slice(0, index);
    if (before.some((other) => other.tag.toLowerCase() === rule.tag.toLowerCase())) {
      throw invalid(`${path}[${index}].tagInfo.tagName`, `the tag ${shown(rule.tag)} is used twice`);
    }
    if (before.some((other) => other.priority === rule.priority)) {
      throw invalid(`${path}[${index}].taggingPriority`, `the priority ${rule.priority} is used twice`);
    }
  });
  return { tagging, echo: read.map((item) => item.echo as JsonObject) };
}
