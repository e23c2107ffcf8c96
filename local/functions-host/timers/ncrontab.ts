import { CronExpressionParser } from 'cron-parser';
import { parseTimeSpan } from '../host-json.ts';

export interface Schedule {
  /** First occurrence strictly after `time`. */
  next(time: Date): Date;
  /** The real host keeps a status only for schedules that never fire more often than each minute. */
  monitored: boolean;
}

export class ScheduleError extends Error {
  override name = 'ScheduleError';
}

function cron(text: string): Schedule {
  const fields = text.trim().split(/\s+/);
  const expression = fields.length === 5 ? `0 ${fields.join(' ')}` : fields.join(' ');
  if (fields.length !== 5 && fields.length !== 6)
    throw new ScheduleError(`"${text}" is no schedule: 6 fields are expected`);
  try {
    const next = (time: Date): Date =>
      CronExpressionParser.parse(expression, { currentDate: time, tz: 'UTC' }).next().toDate();
    let shortest = Number.POSITIVE_INFINITY;
    let time = next(new Date(0));
    for (let step = 0; step < 10; step += 1) {
      const following = next(time);
      shortest = Math.min(shortest, following.getTime() - time.getTime());
      time = following;
    }
    return { next, monitored: shortest >= 60_000 };
  } catch (error) {
    throw new ScheduleError(`"${text}" is no schedule: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/**
 * Reads an NCRONTAB expression (6 fields, seconds first; 5 also), a time span `hh:mm:ss`, or `%SETTING%` that names an app setting. Times are UTC.
 * @throws ScheduleError naming the text
 */
export function parseSchedule(text: string, environment: NodeJS.ProcessEnv): Schedule {
  const setting = /^%(.+)%$/.exec(text)?.[1];
  const resolved = setting === undefined ? text : environment[setting];
  if (resolved === undefined) throw new ScheduleError(`app setting ${setting ?? ''} for a schedule is not set`);
  const period = parseTimeSpan(resolved);
  if (period === undefined) return cron(resolved);
  return { next: (time) => new Date(time.getTime() + period), monitored: period >= 60_000 };
}
