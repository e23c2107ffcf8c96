import { describe, expect, it } from 'vitest';
import { resolveZone, windowsZones } from '../../shared/domain/windows-zones.ts';

describe('time zones', () => {
  it.each([
    ['W. Europe Standard Time', 'Europe/Berlin'],
    ['w. europe standard time', 'Europe/Berlin'],
    ['Pacific Standard Time', 'America/Los_Angeles'],
    ['India Standard Time', 'Asia/Kolkata'],
    ['E. South America Standard Time', 'America/Sao_Paulo'],
    ['Pacific Standard Time (Mexico)', 'America/Tijuana'],
    ['Russia Time Zone 11', 'Asia/Kamchatka'],
    ['UTC', 'UTC'],
    ['utc', 'UTC'],
    ['UTC-11', 'Etc/GMT+11'],
    ['UTC+13', 'Etc/GMT-13'],
    ['Etc/UTC', 'Etc/UTC'],
    ['europe/BERLIN', 'Europe/Berlin'],
    ['America/Argentina/Buenos_Aires', 'America/Argentina/Buenos_Aires'],
    ['Asia/Calcutta', 'Asia/Calcutta'],
  ])('%s is %s', (name, zone) => {
    expect(resolveZone(name)).toBe(zone);
  });

  it.each([
    '',
    ' ',
    'Mars/Olympus',
    'Berlin',
    '+01:00',
    '01:00',
    '2020-01-01T00:00Z[UTC]',
    'W. Europe',
    'UTC+5:30',
    '__proto__',
    'x'.repeat(1000),
  ])('%j is unknown', (name) => {
    expect(resolveZone(name)).toBeUndefined();
  });

  it('of Windows all lead to zones that this runtime knows', () => {
    const known = [...windowsZones].filter(([, zone]) => {
      const format = new Intl.DateTimeFormat('en', { timeZone: zone });
      return format.resolvedOptions().timeZone.length > 0;
    });
    expect(known).toHaveLength(139);
    expect(new Set(windowsZones.values()).size).toBe(139);
  });

  it('of Windows called UTC±n have that offset', () => {
    const offsets = [...windowsZones].filter(([name]) => /^UTC[+-]\d\d$/.test(name));
    for (const [name, zone] of offsets) {
      const part = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
        .formatToParts(0)
        .find(({ type }) => type === 'timeZoneName');
      expect(part?.value).toBe(`${name.replace('UTC', 'GMT')}:00`);
    }
    expect(offsets).toHaveLength(6);
  });
});
