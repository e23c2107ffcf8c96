import { Temporal } from 'temporal-polyfill';
import { compact, invalid, readList, readObject, readString, shown } from './arm-reader.ts';
import type { JsonObject } from './arm-reader.ts';
import { isWholeDays, isoInstant, parseRepeatingInterval } from './calendar.ts';
import { VaultError } from './errors.ts';
import type { Schedule, WeeklyInterval } from './policy.ts';
import { weekdays } from './tagging.ts';
import { resolveZone } from './windows-zones.ts';

/** Reads BackupSchedule: one weekly interval for each weekday, all at the same local time of day (the service knows no other form). */

function readZone(value: unknown, path: string): { zone: string; sent?: string } {
  if (value === undefined || value === '') return { zone: 'UTC' };
  const sent = readString(value, path);
  const zone = resolveZone(sent);
  if (zone === undefined) throw invalid(path, `${shown(sent)} is neither a Windows nor an IANA time zone`);
  return { zone, sent };
}

function readInterval(value: unknown, path: string): WeeklyInterval {
  const text = readString(value, path);
  const parsed = parseRepeatingInterval(text);
  if ('fault' in parsed) throw invalid(path, `${shown(text)} is not a schedule: ${parsed.fault}`);
  const { years, months, weeks, days } = parsed.period;
  // Seven days are a week on every calendar; nothing else is.
  const isWeekly = years + months === 0 && weeks * 7 + days === 7 && isWholeDays(parsed.period);
  if (!isWeekly) {
    throw new VaultError(
      'BMSUserErrorDPPBackupPolicyBackupFrequencyNotMatchingRule',
      { interval: text.slice(0, 80) },
      { target: path },
    );
  }
  return { start: parsed.start };
}

function checkWeek(intervals: readonly WeeklyInterval[], zone: string, path: string): void {
  const locals = intervals.map((interval) => Temporal.Instant.from(interval.start).toZonedDateTimeISO(zone));
  const days = locals.map((local) => local.dayOfWeek);
  const repeated = days.find((day, index) => days.indexOf(day) !== index);
  if (repeated !== undefined) {
    throw invalid(path, `two intervals fall on ${weekdays[repeated - 1] ?? ''} in the time zone ${zone}`);
  }
  const times = [...new Set(locals.map((local) => local.toPlainTime().toString()))];
  if (times.length > 1) {
    throw invalid(
      path,
      `all weekdays share one time of day, these are at ${times.join(', ')} in the time zone ${zone}`,
    );
  }
}

/** Throws BMSUserErrorInvalidInput or BMSUserErrorDPPBackupPolicyBackupFrequencyNotMatchingRule. */
export function readSchedule(value: unknown, path: string): { schedule: Schedule; echo: JsonObject } {
  const sent = readObject(value, path, ['repeatingTimeIntervals', 'timeZone']);
  const listPath = sent.at('repeatingTimeIntervals');
  const list = readList(sent.get('repeatingTimeIntervals'), listPath, { minimum: 1, maximum: 50 });
  const { zone, sent: zoneSent } = readZone(sent.get('timeZone'), sent.at('timeZone'));
  const intervals = list.map((item, index) => readInterval(item, `${listPath}[${index}]`));
  checkWeek(intervals, zone, listPath);
  return {
    schedule: { intervals, timeZone: zone },
    echo: compact({ repeatingTimeIntervals: [...list], timeZone: zoneSent }),
  };
}

/** Reads one of the `scheduleTimes` of a criterion: a date and time; kept as the instant. */
export function readScheduleTime(value: unknown, path: string): string {
  const text = readString(value, path);
  const form = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;
  try {
    if (form.test(text)) return isoInstant(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw invalid(path, `${shown(text)} is not a date and time with an offset or Z`);
}
