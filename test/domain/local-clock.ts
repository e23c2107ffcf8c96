/**
 * A second opinion on local time, made of Intl alone: the domain computes with Temporal, its tests must not. Local times are
 * milliseconds as if the wall clock were UTC.
 */
const minute = 60_000;

export function clockOf(zone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const known = new Map<number, number>();
  return (instant) => {
    const cached = known.get(instant);
    if (cached !== undefined) return cached;
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
    const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? Number.NaN;
    const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
    known.set(instant, local);
    return local;
  };
}

/**
 * The first instant, in steps of 15 minutes, at which the wall clock shows `local` or has jumped over it. For changes of the offset
 * by less than three hours.
 */
export function firstInstantAt(clock: (instant: number) => number, local: number): number {
  const guess = local - (clock(local) - local);
  const from = guess - 3 * 60 * minute;
  if (clock(from) >= local) throw new Error('the offset changes by more than three hours');
  for (let instant = from; instant <= guess + 3 * 60 * minute; instant += 15 * minute) {
    if (clock(instant) >= local) return instant;
  }
  throw new Error('the clock never gets there');
}

/** Instants of offset changes in [from, to), found by looking at the clock every six hours and bisecting. */
export function transitionsOf(clock: (instant: number) => number, from: number, to: number): number[] {
  const offset = (instant: number): number => clock(instant) - instant;
  const found: number[] = [];
  const step = 6 * 60 * minute;
  for (let left = from; left < to; left += step) {
    let [low, high] = [left, left + step];
    if (offset(low) === offset(high)) continue;
    while (high - low > 15 * minute) {
      const middle = low + Math.floor((high - low) / (30 * minute)) * 15 * minute;
      if (offset(middle) === offset(low)) low = middle;
      else high = middle;
    }
    found.push(high);
  }
  return found;
}

/** ISO week as `year-week`, from the definition: week 1 has the year's first Thursday. `date` is a local time. */
export function isoWeek(date: number): string {
  const day = 86_400_000;
  const midnight = Math.floor(date / day) * day;
  const thursday = midnight + (3 - ((new Date(midnight).getUTCDay() + 6) % 7)) * day;
  const year = new Date(thursday).getUTCFullYear();
  return `${year}-${Math.floor((thursday - Date.UTC(year, 0, 1)) / (7 * day)) + 1}`;
}
