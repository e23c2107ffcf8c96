import { describe, expect, test } from 'vitest';
import { parseSchedule } from '../../../local/functions-host/timers/ncrontab.ts';

describe('schedules', () => {
  test.for([
    ['*/15 * * * * *', '2026-03-01T10:00:15.000Z'],
    ['0 * * * * *', '2026-03-01T10:01:00.000Z'],
    ['*/5 * * * *', '2026-03-01T10:05:00.000Z'],
    ['0 30 3 * * Sun', '2026-03-08T03:30:00.000Z'],
    ['0 0 0 1 1 *', '2027-01-01T00:00:00.000Z'],
    ['00:10:00', '2026-03-01T10:10:00.500Z'],
    ['%EVERY%', '2026-03-02T02:00:00.000Z'],
  ])('%s fires next at %s', ([text = '', next]) => {
    const schedule = parseSchedule(text, { EVERY: '0 0 2 * * *' });
    expect(schedule.next(new Date('2026-03-01T10:00:00.500Z')).toISOString()).toBe(next);
  });

  test('an occurrence now is not the next one', () => {
    const at = new Date('2026-03-01T10:00:00.000Z');
    expect(parseSchedule('0 * * * * *', {}).next(at).toISOString()).toBe('2026-03-01T10:01:00.000Z');
  });

  test('a status is kept only for schedules of a minute or more', () => {
    expect(parseSchedule('*/15 * * * * *', {}).monitored).toBe(false);
    expect(parseSchedule('0,30 * * * * *', {}).monitored).toBe(false);
    expect(parseSchedule('0 * * * * *', {}).monitored).toBe(true);
    expect(parseSchedule('00:00:59', {}).monitored).toBe(false);
  });

  test.for(['* * *', '61 * * * * *', 'soon', '%UNSET%'])('%s is refused by name', (text) => {
    expect(() => parseSchedule(text, {})).toThrow(text.replaceAll('%', ''));
  });
});
