import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addDuration,
  armTime,
  dotNetTicks,
  instantOfTicks,
  isAlwaysShorter,
  isoInstant,
  isWithin,
  jobDuration,
  parseDuration,
  parseRepeatingInterval,
} from '../../shared/domain/calendar.ts';

const duration = (text: string) => {
  const parsed = parseDuration(text);
  if (!parsed) throw new Error(`${text} is no duration`);
  return parsed;
};

describe('durations', () => {
  it.each([
    ['P7D', 'P7D'],
    ['P1W', 'P1W'],
    ['P24M', 'P24M'],
    ['P10Y', 'P10Y'],
    ['P1Y2M3W4D', 'P1Y2M3W4D'],
    ['7D', 'P7D'],
    ['PT4H', 'PT4H'],
    ['P1DT12H', 'P1DT12H'],
    ['P0D', 'PT0S'],
  ])('%s is read as %s', (text, normal) => {
    expect(duration(text).toString()).toBe(normal);
  });

  it.each([
    '',
    'P',
    'PT',
    'P1',
    '7',
    'D',
    'P-7D',
    '-P7D',
    'P1.5D',
    'P1D2M',
    'p7d',
    ' P7D',
    'P7D\n',
    'P999999Y',
    'P1H',
    'T',
  ])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('are compared by the calendar', () => {
    const within = (text: string) => isWithin(duration(text), duration('P6M'), duration('P10Y'));
    expect(['P6M', 'P181D', 'P26W', 'P1Y', 'P12M', 'P120M', 'P10Y', 'P3653D'].filter((text) => !within(text))).toEqual(
      [],
    );
    expect(['P5M', 'P180D', 'P25W', 'P10Y1D', 'P121M', 'P3654D', 'P522W'].filter(within)).toEqual([]);
    expect(
      isAlwaysShorter(duration('P12M'), duration('P1Y')) || isAlwaysShorter(duration('P1Y'), duration('P12M')),
    ).toBe(false);
    expect(isAlwaysShorter(duration('P27D'), duration('P1M'))).toBe(true);
    expect(isAlwaysShorter(duration('P28D'), duration('P1M'))).toBe(false);
  });

  it.each([
    ['2024-01-31T10:00:00Z', 'P1M', 'UTC', '2024-02-29T10:00:00.000Z'],
    ['2024-02-29T10:00:00Z', 'P1Y', 'UTC', '2025-02-28T10:00:00.000Z'],
    ['2025-03-29T01:30:00Z', 'P1D', 'Europe/Berlin', '2025-03-30T01:30:00.000Z'],
    ['2025-03-23T02:00:00Z', 'P1W', 'Europe/Berlin', '2025-03-30T01:00:00.000Z'],
    ['2025-01-01T00:00:00Z', 'P10Y', 'UTC', '2035-01-01T00:00:00.000Z'],
    ['2025-01-01T00:00:00Z', '7D', 'UTC', '2025-01-08T00:00:00.000Z'],
  ])('%s and %s in %s make %s', (instant, text, zone, expected) => {
    expect(addDuration(instant, text, zone)).toBe(expected);
  });

  it('cannot be added when they are none', () => {
    expect(() => addDuration('2025-01-01T00:00:00Z', 'soon', 'UTC')).toThrow(RangeError);
  });
});

describe('repeating intervals', () => {
  it.each([
    ['R/2021-08-24T12:00:00+00:00/P1W', '2021-08-24T12:00:00.000Z'],
    ['R/2019-11-20T08:00:00-08:00/P1W', '2019-11-20T16:00:00.000Z'],
    ['R/2026-01-04T22:00Z/P1W', '2026-01-04T22:00:00.000Z'],
    ['R/2026-01-04T22:00:00.1234567Z/P1W', '2026-01-04T22:00:00.123Z'],
    ['R/2024-02-29T00:00:00+14:00/P1W', '2024-02-28T10:00:00.000Z'],
  ])('%s starts at %s', (text, start) => {
    expect(parseRepeatingInterval(text)).toMatchObject({ start });
  });

  it.each([
    'R5/2026-01-04T22:00:00Z/P1W',
    'R/PT4H',
    'R/T22:00/P1W',
    'R/22:00/P1W',
    'R/2026-01-04/P1W',
    'R/2026-01-04T2200Z/P1W',
    'R/20260104T220000Z/P1W',
    'R/2026-01-04T22Z/P1W',
    'R/2026-01-04T22:00:00/P1W',
    'R/2026-01-04 22:00:00Z/P1W',
    'R/2026-01-04T24:00:00Z/P1W',
    'R/2026-01-04T22:60:00Z/P1W',
    'R/2025-02-29T22:00:00Z/P1W',
    'R/2026-13-01T22:00:00Z/P1W',
    'R/2026-01-04T22:00:00+15:00/P1W',
    'R/1969-12-31T23:59:59Z/P1W',
    'R/9999-12-31T23:59:59-12:00/P1W',
    'R/2026-01-04T22:00:00Z/P1W/P1W',
    'R/2026-01-04T22:00:00Z/7D',
    'R/2026-01-04T22:00:00Z/',
    'r/2026-01-04T22:00:00Z/P1W',
    '2026-01-04T22:00:00Z/P1W',
    '',
  ])('%j is refused with a reason', (text) => {
    expect(parseRepeatingInterval(text)).toEqual({ fault: expect.any(String) as string });
  });

  it('never throw', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.string().map((text) => `R/${text}/P1W`),
    );
    fc.assert(fc.property(anything, (text) => typeof parseRepeatingInterval(text) === 'object'));
  });
});

describe('texts of the contract', () => {
  it('are .NET ticks and back', () => {
    expect(dotNetTicks('0001-01-01T00:00:00Z')).toBe('0');
    expect(dotNetTicks('1970-01-01T00:00:00Z')).toBe('621355968000000000');
    expect(dotNetTicks(new Date('2023-06-27T06:37:29.301Z'))).toBe('638234446493010000');
    expect(instantOfTicks('638234446493011659')).toBe('2023-06-27T06:37:29.301Z');
    expect(dotNetTicks('1969-12-31T23:59:59.99999995Z')).toBe('621355967999999999');
    expect(['', 'x', '-1', '99999999999999999999', '3155378976000000000'].map(instantOfTicks)).toEqual(
      Array.from({ length: 5 }),
    );
    const milliseconds = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    fc.assert(fc.property(milliseconds, (date) => instantOfTicks(dotNetTicks(date)) === date.toISOString()));
  });

  it.each([
    ['2023-06-27T09:38:42.9393215Z', '2023-06-27T09:38:42.9393215Z'],
    ['2023-06-27T09:38:42.939Z', '2023-06-27T09:38:42.9390000Z'],
    ['2023-06-27T11:38:42+02:00', '2023-06-27T09:38:42.0000000Z'],
    ['2023-06-27T09:38:42.99999999Z', '2023-06-27T09:38:42.9999999Z'],
  ])('%s is the timestamp %s', (instant, text) => {
    expect(armTime(instant)).toBe(text);
  });

  it.each([
    ['2023-06-27T09:38:42.9393215Z', '2023-06-27T09:40:17.0118251Z', 'PT1M34.0725036S'],
    ['2023-06-27T09:38:42Z', undefined, 'PT0S'],
    ['2023-06-27T09:38:42Z', '2023-06-27T09:38:41Z', 'PT0S'],
    ['2023-06-27T09:38:42Z', '2023-06-27T09:38:47Z', 'PT5S'],
    ['2023-06-27T09:38:42.000Z', '2023-06-27T10:38:42.500Z', 'PT1H0.5000000S'],
    ['2023-06-27T09:00:00Z', '2023-06-29T11:00:00Z', 'P2DT2H'],
    ['2023-06-27T09:00:00Z', '2023-06-28T09:00:00Z', 'P1D'],
  ])('from %s to %s a job took %s', (startedAt, endedAt, text) => {
    expect(jobDuration(startedAt, endedAt)).toBe(text);
  });

  it('have one form for instants, which sorts as text', () => {
    expect(isoInstant('2023-06-27T11:38:42+02:00')).toBe('2023-06-27T09:38:42.000Z');
  });
});
