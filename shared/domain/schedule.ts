import { Temporal } from 'temporal-polyfill';
import { isoInstant } from './calendar.ts';
import type { Schedule, WeeklyInterval } from './policy.ts';

/**
 * Slots: the instants at which a policy wants a backup. A slot keeps its local time of day in the policy's zone across clock
 * changes: a time that is skipped moves to the first instant after the gap, a time that comes twice counts once, the first time.
 */

interface Anchor {
  start: Temporal.Instant;
  local: Temporal.PlainDateTime;
  zone: string;
}

const anchorOf = (interval: WeeklyInterval, zone: string): Anchor => {
  const start = Temporal.Instant.from(interval.start);
  return { start, local: start.toZonedDateTimeISO(zone).toPlainDateTime(), zone };
};

/** The instant at which a wall clock in `zone` shows `local`, or the first one after, when the clock jumps over it. */
function instantOf(local: Temporal.PlainDateTime, zone: string): Temporal.Instant {
  const earlier = local.toZonedDateTime(zone, { disambiguation: 'earlier' });
  if (earlier.toPlainDateTime().equals(local)) return earlier.toInstant();
  // In a gap 'earlier' is an instant before the jump, so the next transition is the jump itself.
  const jump = earlier.getTimeZoneTransition('next');
  return (jump ?? local.toZonedDateTime(zone, { disambiguation: 'later' })).toInstant();
}

/** Slot number `week` of an interval; number 0 is the start itself, even when its local time had come before in a repeated hour. */
const slotOf = (anchor: Anchor, week: number): Temporal.Instant =>
  week === 0 ? anchor.start : instantOf(anchor.local.add({ weeks: week }), anchor.zone);

/** A slot number that is certainly not later than the first slot after `instant`. */
function weekBefore(anchor: Anchor, instant: Temporal.Instant): number {
  const date = instant.toZonedDateTimeISO(anchor.zone).toPlainDate();
  const days = anchor.local.toPlainDate().until(date, { largestUnit: 'days' }).days;
  return Math.max(0, Math.floor(days / 7) - 1);
}

const isAfter = (a: Temporal.Instant, b: Temporal.Instant): boolean => Temporal.Instant.compare(a, b) > 0;

/**
 * Slots in (afterExclusive, untilInclusive], oldest first, each once, at most `limit` (the oldest). Instants in and out are ISO UTC.
 * No slot exists before the start of its interval.
 */
export function slotsBetween(
  schedule: Schedule,
  afterExclusive: string,
  untilInclusive: string,
  limit = 10_000,
): string[] {
  const after = Temporal.Instant.from(afterExclusive);
  const until = Temporal.Instant.from(untilInclusive);
  const slots = new Set<string>();
  for (const interval of schedule.intervals) {
    const anchor = anchorOf(interval, schedule.timeZone);
    let found = 0;
    for (let week = weekBefore(anchor, after); found < limit; week += 1) {
      const slot = slotOf(anchor, week);
      if (isAfter(slot, until)) break;
      if (!isAfter(slot, after)) continue;
      slots.add(isoInstant(slot));
      found += 1;
    }
  }
  return [...slots].sort().slice(0, limit);
}

/** The first slot after an instant; undefined only for a schedule without intervals, which no valid policy has. */
export function nextSlot(schedule: Schedule, after: string): string | undefined {
  const from = Temporal.Instant.from(after);
  const candidates = schedule.intervals.map((interval) => {
    const anchor = anchorOf(interval, schedule.timeZone);
    let week = weekBefore(anchor, from);
    while (!isAfter(slotOf(anchor, week), from)) week += 1;
    return isoInstant(slotOf(anchor, week));
  });
  return candidates.sort()[0];
}

export interface DueSlots {
  /** The slot to run now. */
  run?: string;
  /** Older slots that nobody ran, oldest first: record each as missed. */
  missed: string[];
  /** With `run` and `missed` recorded, every slot up to and including this instant has an outcome. */
  through: string;
}

/** Slots handled in one step. A host that was off for longer takes several ticks to record what it missed, none is forgotten. */
export const maximumDueSlots = 500;

/**
 * What is due: the latest slot in (scheduledThrough, now] runs, the ones before it were missed. With more than `maximumDueSlots` of
 * them the oldest are reported as missed and nothing runs yet; `through` says where the next step goes on. A clock that went
 * backwards, or a `scheduledThrough` in the future, makes nothing due.
 */
export function dueSlots(input: { schedule: Schedule; scheduledThrough: string; now: string }): DueSlots {
  const { schedule, scheduledThrough, now } = input;
  const slots = slotsBetween(schedule, scheduledThrough, now, maximumDueSlots + 1);
  if (slots.length > maximumDueSlots) {
    const missed = slots.slice(0, maximumDueSlots);
    return { missed, through: missed.at(-1) ?? scheduledThrough };
  }
  const run = slots.at(-1);
  return run === undefined
    ? { missed: [], through: isoInstant(scheduledThrough) }
    : { run, missed: slots.slice(0, -1), through: run };
}

/**
 * The local time of day that the schedule means for a slot: 02:30 also when the clock jumped over it and the slot is at 03:00.
 * For a slot of an earlier schedule, its own local time.
 */
export function nominalTimeOfDay(schedule: Schedule, slot: string): string {
  const instant = Temporal.Instant.from(slot);
  for (const interval of schedule.intervals) {
    const anchor = anchorOf(interval, schedule.timeZone);
    const week = weekBefore(anchor, instant);
    const matches = [week, week + 1, week + 2].some((number) => slotOf(anchor, number).equals(instant));
    if (matches) return anchor.local.toPlainTime().toString();
  }
  return instant.toZonedDateTimeISO(schedule.timeZone).toPlainTime().toString();
}
