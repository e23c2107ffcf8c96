import { Temporal } from 'temporal-polyfill';

/** ISO 8601 durations, repeating intervals and the time texts of the ARM contract. Instants are `YYYY-MM-DDThh:mm:ss.sssZ` strings. */

const durationForm =
  /^P?(?=\d|T)(?:(\d{1,5})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,5})D)?(?:T(?=\d)(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,5})S)?)?$/;

/**
 * Parses `P7D`, `P1W`, `P24M`, `P1Y6M`, `PT4H`: whole numbers, no sign. The spec's own examples also write `7D`; that is read as `P7D`.
 * Undefined when the text is nothing of the kind.
 */
export function parseDuration(text: string): Temporal.Duration | undefined {
  const match = durationForm.exec(text);
  if (!match) return undefined;
  const [years, months, weeks, days, hours, minutes, seconds] = match.slice(1).map((digits) => Number(digits ?? 0));
  return Temporal.Duration.from({
    years: years ?? 0,
    months: months ?? 0,
    weeks: weeks ?? 0,
    days: days ?? 0,
    hours: hours ?? 0,
    minutes: minutes ?? 0,
    seconds: seconds ?? 0,
  });
}

/** Whether a duration counts whole days only, as a retention must. */
export const isWholeDays = (duration: Temporal.Duration): boolean =>
  duration.hours === 0 && duration.minutes === 0 && duration.seconds === 0;

/** First days of 48 months, one of them a leap February: the shortest and the longest of every span of months begin at one of them. */
const referenceDates = Array.from({ length: 48 }, (_, month) =>
  Temporal.PlainDate.from('2001-01-01').add({ months: month }),
);

const compareFrom = (a: Temporal.Duration, b: Temporal.Duration, relativeTo: Temporal.PlainDate): number =>
  Temporal.Duration.compare(a, b, { relativeTo });

/**
 * Whether `a` is shorter than `b` whatever day it starts on: P180D is shorter than P6M, P182D is not (six months from 1 February
 * have 181 days), P12M and P1Y are equal.
 */
export const isAlwaysShorter = (a: Temporal.Duration, b: Temporal.Duration): boolean =>
  referenceDates.every((date) => compareFrom(a, b, date) < 0);

/** Whether `a` lies between `minimum` and `maximum` by the calendar, both included; units may be mixed (P120M is ten years, P3653D too). */
export const isWithin = (a: Temporal.Duration, minimum: Temporal.Duration, maximum: Temporal.Duration): boolean =>
  !isAlwaysShorter(a, minimum) && !isAlwaysShorter(maximum, a);

/** Normal form of every instant in rows: UTC, milliseconds, `Z`; sorts as text. Throws RangeError on text that is no instant. */
export const isoInstant = (instant: Temporal.Instant | string): string => {
  const value = typeof instant === 'string' ? Temporal.Instant.from(instant) : instant;
  return new Date(value.epochMilliseconds).toISOString();
};

/**
 * The instant that is `duration` after `instant` on the calendar and clock of `zone` (P1M after 31 January is the last of February,
 * at the same local time). Throws RangeError when `duration` is not one.
 */
export function addDuration(instant: string, duration: string, zone: string): string {
  const parsed = parseDuration(duration);
  if (!parsed) throw new RangeError('not an ISO 8601 duration');
  return isoInstant(Temporal.Instant.from(instant).toZonedDateTimeISO(zone).add(parsed).toInstant());
}

export type RepeatingInterval = { start: string; period: Temporal.Duration } | { fault: string };

const dateTimeForm =
  /^\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/;

/**
 * Parses `R/<DateTime>/<period>`. The DateTime needs a date, `hh:mm` or `hh:mm:ss[.f]` and an offset or `Z`; the repetition is
 * unbounded. Otherwise says what is wrong. Form: the schedule text of spec 2026-06-01; the service refuses a time without a date.
 */
export function parseRepeatingInterval(text: string): RepeatingInterval {
  const parts = text.split('/');
  const [repeat, start, period] = parts;
  if (repeat !== 'R') {
    return {
      fault: /^R\d+$/.test(repeat ?? '')
        ? "the repetition must be unbounded ('R', without a count)"
        : "a repeating interval starts with 'R/'",
    };
  }
  if (parts.length !== 3 || start === undefined || period === undefined) {
    return { fault: 'the form is R/<start date and time>/P1W' };
  }
  if (!dateTimeForm.test(start)) {
    return { fault: `the start must be a date and time with an offset or Z, like 2026-01-04T22:00:00+00:00` };
  }
  const duration = period.startsWith('P') ? parseDuration(period) : undefined;
  if (!duration) return { fault: 'the period is not an ISO 8601 duration' };
  try {
    const instant = isoInstant(start);
    return instant < '1970' || instant > '9999'
      ? { fault: 'the start is out of range' }
      : { start: instant, period: duration };
  } catch (error) {
    if (error instanceof RangeError) return { fault: 'the start is not a day of the calendar' };
    throw error;
  }
}

/** Ticks (100 ns) between 0001-01-01 and 1970-01-01. */
const epochTicks = 621_355_968_000_000_000n;

/** .NET ticks as the contract sends them in tag versions. */
export function dotNetTicks(time: Date | string): string {
  const nanoseconds = Temporal.Instant.from(typeof time === 'string' ? time : time.toISOString()).epochNanoseconds;
  // BigInt division truncates towards zero; before 1970 that would be a tick too late.
  const ticks = nanoseconds / 100n - (nanoseconds % 100n < 0n ? 1n : 0n);
  return String(ticks + epochTicks);
}

/** The instant of a tick count, to the millisecond; undefined when the text is no tick count of the years 1 to 9999. */
export function instantOfTicks(ticks: string): string | undefined {
  if (!/^\d{1,19}$/.test(ticks) || BigInt(ticks) > 3_155_378_975_999_999_999n) return undefined;
  const nanoseconds = (BigInt(ticks) - epochTicks) * 100n;
  return isoInstant(Temporal.Instant.fromEpochNanoseconds(nanoseconds));
}

/** `2023-06-27T09:38:42.9393215Z`: UTC with seven fractional digits, as the service writes every timestamp. */
export const armTime = (instant: string): string =>
  `${Temporal.Instant.from(instant).toString({ fractionalSecondDigits: 7, roundingMode: 'floor' }).slice(0, -1)}Z`;

/**
 * Duration of a job as the service writes it: `PT1M34.0725036S`, `PT0S` while it runs (no end yet) or when the clock went backwards.
 */
export function jobDuration(startedAt: string, endedAt?: string): string {
  if (endedAt === undefined) return 'PT0S';
  const ticks =
    (Temporal.Instant.from(endedAt).epochNanoseconds - Temporal.Instant.from(startedAt).epochNanoseconds) / 100n;
  if (ticks <= 0n) return 'PT0S';
  const seconds = ticks / 10_000_000n;
  const fraction = ticks % 10_000_000n;
  const days = seconds / 86_400n;
  const units = [
    [(seconds / 3600n) % 24n, 'H'],
    [(seconds / 60n) % 60n, 'M'],
  ] as const;
  const large = units.map(([count, unit]) => (count === 0n ? '' : `${count}${unit}`)).join('');
  const rest = seconds % 60n;
  const small = fraction === 0n ? (rest === 0n ? '' : `${rest}S`) : `${rest}.${String(fraction).padStart(7, '0')}S`;
  const time = large + small;
  return `P${days === 0n ? '' : `${days}D`}${time === '' ? '' : `T${time}`}`;
}
