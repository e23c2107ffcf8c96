import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../shared/domain/policy-rules.ts';
import { set, refusal, changed, defaultOnly, backup, trigger, intervals, tags } from './policy-changes.ts';
import {
  archiveStore,
  copyToArchive,
  lifecycle,
  policyProperties,
  publishedExample,
  retentionRule,
  tag,
} from './policy-samples.ts';

describe('a valid policy', () => {
  it('is completed with tag ids and echoed otherwise as sent, without its name', () => {
    const { properties } = parsePolicy({ ...policyProperties(), name: 'osspolicy' });
    const expected = policyProperties();
    set(expected, `${tags}[0].tagInfo.id`, 'Monthly_');
    set(expected, `${tags}[1].tagInfo.id`, 'Default_');
    expect(properties).toEqual(expected);
  });

  it('is understood', () => {
    expect(parsePolicy(policyProperties({ timeZone: 'W. Europe Standard Time' })).policy).toEqual({
      backupRuleName: 'BackupWeekly',
      schedule: {
        intervals: [{ start: '2021-08-15T22:00:00.000Z' }, { start: '2021-08-17T22:00:00.000Z' }],
        timeZone: 'Europe/Berlin',
      },
      tagging: [
        { tag: 'Monthly', priority: 15, isDefault: false, criteria: [{ absolute: ['FirstOfMonth'] }] },
        { tag: 'Default', priority: 99, isDefault: true, criteria: [] },
      ],
      retention: [
        {
          name: 'Monthly',
          isDefault: false,
          lifecycles: [
            { store: 'VaultStore', deleteAfter: 'P6M', copyTo: { store: 'ArchiveStore', when: 'OnExpiry' } },
            { store: 'ArchiveStore', deleteAfter: 'P24M' },
          ],
        },
        { name: 'Default', isDefault: true, lifecycles: [{ store: 'VaultStore', deleteAfter: 'P3M' }] },
      ],
    });
  });

  it('may be the published example: no time zone, no copy settings, the old datasource type', () => {
    const { policy, properties } = parsePolicy(publishedExample());
    const expected = publishedExample();
    set(expected, `${tags}[0].tagInfo.id`, 'Default_');
    set(expected, `${tags}[1].tagInfo.id`, 'Weekly_');
    expect(properties).toEqual(expected);
    expect(policy.schedule).toEqual({ timeZone: 'UTC', intervals: [{ start: '2019-11-20T16:00:00.000Z' }] });
    expect(policy.tagging[1]?.criteria).toEqual([
      { daysOfTheWeek: ['Sunday'], scheduleTimes: ['2019-03-01T13:00:00.000Z'] },
    ]);
  });

  it('may be read back and sent again', () => {
    const { policy, properties } = parsePolicy(policyProperties());
    expect(parsePolicy(structuredClone(properties))).toEqual({ policy, properties });
  });

  it.each([
    ['objectType', 'backuppolicy'],
    [`${backup}.backupParameters.backupType`, 'full'],
    [`${backup}.backupParameters`, undefined],
    ['datasourceTypes[0]', 'microsoft.dbforpostgresql/SERVERS/databases'],
    ['datasourceTypes[0]', 'Microsoft.DBforPostgreSQL/flexibleServers/databases'],
    [`${backup}.dataStore.dataStoreType`, 'vaultstore'],
    [`${trigger}.schedule.timeZone`, 'europe/berlin'],
    [`${trigger}.schedule.timeZone`, null],
    [`${tags}[1].criteria`, null],
    [`${tags}[0].criteria[0].daysOfMonth`, []],
    ['policyRules[2].lifecycles[0].targetDataStoreCopySettings', null],
    ['policyRules[2].lifecycles[0].targetDataStoreCopySettings', {}],
    [`${backup}.name`, 'BackupIntervals'],
    [`${intervals}[0]`, 'R/2021-08-15T22:00:00.0000000Z/P1W'],
    [`${intervals}[0]`, 'R/2021-08-15T22:00Z/P7D'],
  ])('may have %s %j', (path, value) => {
    expect(refusal(changed(path, value))).toBe('accepted');
  });

  it('may spell property names in any case, and is echoed in the published one', () => {
    const upper = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(upper)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name.toUpperCase(), upper(item)]))
          : value;
    expect(parsePolicy(upper(policyProperties()))).toEqual(parsePolicy(policyProperties()));
  });

  it('may name its tags in other case than its rules; the domain sees one spelling', () => {
    const sent = changed(`${tags}[0].tagInfo.tagName`, 'monthly');
    const { policy, properties } = parsePolicy(sent);
    expect(policy.tagging.map((rule) => rule.tag)).toEqual(['Monthly', 'Default']);
    expect(JSON.stringify(properties)).toContain('"tagInfo":{"tagName":"monthly","id":"monthly_"}');
  });

  it.each([
    [{ objectType: 'CopyOnExpiryOption' }, 'OnExpiry'],
    [{ objectType: 'ImmediateCopyOption' }, 'Immediate'],
    [{ objectType: 'CustomCopyOption', duration: 'P30D' }, { after: 'P30D' }],
  ])('may move to the archive by %j', (copyAfter, when) => {
    const sent = changed('policyRules[1].lifecycles[0].targetDataStoreCopySettings[0].copyAfter', copyAfter);
    const { policy, properties } = parsePolicy(sent);
    expect(policy.retention[0]?.lifecycles[0]?.copyTo).toEqual({ store: 'ArchiveStore', when });
    expect(JSON.stringify(properties)).toContain(JSON.stringify(copyAfter));
  });

  it('may have every kind of criterion', () => {
    const criterion = {
      objectType: 'ScheduleBasedBackupCriteria',
      absoluteCriteria: ['AllBackup'],
      daysOfMonth: [{ date: 1, isLast: false }, { isLast: true }, { date: 0, isLast: true }],
      daysOfTheWeek: ['Sunday', 'monday'],
      monthsOfYear: ['January', 'july'],
      scheduleTimes: ['2019-03-01T13:00:00+01:00'],
      weeksOfTheMonth: ['First', 'last'],
    };
    const { policy, properties } = parsePolicy(changed(`${tags}[0].criteria`, [criterion]));
    expect(policy.tagging[0]?.criteria).toEqual([
      {
        absolute: ['AllBackup'],
        daysOfMonth: [{ date: 1 }, { isLast: true }, { isLast: true }],
        daysOfTheWeek: ['Sunday', 'Monday'],
        monthsOfYear: ['January', 'July'],
        scheduleTimes: ['2019-03-01T12:00:00.000Z'],
        weeksOfTheMonth: ['First', 'Last'],
      },
    ]);
    expect(JSON.stringify(properties)).toContain('"daysOfTheWeek":["Sunday","Monday"]');
    expect(JSON.stringify(properties)).toContain(
      '[{"date":1,"isLast":false},{"isLast":true},{"date":0,"isLast":true}]',
    );
  });

  it.each(['P7D', 'P1W', '7D', '30D', 'P12W', 'P3M', 'P24M', 'P1Y', 'P10Y', 'P120M', 'P3652D', 'P9Y12M'])(
    'may keep a recovery point for %s',
    (duration) => {
      expect(refusal(defaultOnly(duration))).toBe('accepted');
    },
  );

  it.each(['P6M', 'P182D', 'P26W', 'P1Y', 'P10Y'])('may keep it in the archive for %s', (duration) => {
    expect(refusal(changed('policyRules[1].lifecycles[1].deleteAfter.duration', duration))).toBe('accepted');
  });
});

describe('untrusted input', () => {
  it('gives a policy or a VaultError, never another exception', () => {
    const property = fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      expect(refusal(value)).toMatch(/^(accepted$|BMSUserErrorInvalidInput|UserErrorUnsupportedDatasourceType)/);
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('gives a policy or a VaultError also when one place of a valid policy is anything', () => {
    const places: string[] = [];
    const walk = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [name, item] of Object.entries(value)) {
        const place = path === '' ? name : `${path}.${name}`;
        places.push(place);
        walk(item, place);
      }
    };
    walk(policyProperties(), '');
    const anything = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom<unknown>(
        '',
        'R//',
        'R/9999-12-31T23:59:59Z/P1W',
        'R/0001-01-01T00:00Z/P1W',
        'P99999Y',
        '\u0000',
        '\ud800',
        1e308,
        -0,
      ),
      fc.string({ unit: 'binary' }),
    );
    const property = fc.property(fc.constantFrom(...places), anything, (place, value) => {
      const outcome = refusal(changed(place, value === undefined ? null : value));
      expect(outcome).toMatch(/^(accepted$|BMSUserError|UserErrorUnsupportedDatasourceType)/);
      expect(outcome.length).toBeLessThan(1200);
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('cannot reach the prototype of anything', () => {
    const sent = JSON.parse('{"__proto__": {"objectType": "BackupPolicy"}}') as unknown;
    expect(refusal(sent)).toContain("'__proto__' is not known");
    expect(refusal(JSON.parse('{"constructor": {}}'))).toContain("'constructor' is not known");
  });

  it('is not changed', () => {
    const sent = policyProperties();
    parsePolicy(sent);
    expect(sent).toEqual(policyProperties());
  });

  it('that is valid comes back the same after another round', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,20}$/);
    const markers = fc.constantFrom('AllBackup', 'FirstOfDay', 'FirstOfWeek', 'FirstOfMonth', 'FirstOfYear');
    const duration = fc.oneof(
      fc.integer({ min: 7, max: 3600 }).map((days) => `P${days}D`),
      fc.integer({ min: 1, max: 120 }).map((months) => `P${months}M`),
    );
    const names = fc.uniqueArray(name, { minLength: 1, maxLength: 6, selector: (text) => text.toLowerCase() });
    const property = fc.property(names, markers, duration, fc.boolean(), (all, marker, keep, archived) => {
      const unique = all.filter((text) => text.toLowerCase() !== 'backupweekly');
      fc.pre(unique.length > 0);
      const lifecycles = archived
        ? [lifecycle(keep, copyToArchive()), lifecycle('P1Y', { sourceDataStore: archiveStore })]
        : [lifecycle(keep)];
      const sent = policyProperties({
        tags: unique.map((text, index) => tag(text, index, index === 0 ? undefined : marker)),
        retention: unique.map((text, index) => retentionRule(text, index === 0, lifecycles)),
      });
      const once = parsePolicy(sent);
      expect(parsePolicy(structuredClone(once.properties))).toEqual(once);
      expect(once.policy.retention.map((rule) => rule.name)).toEqual(unique);
    });
    fc.assert(property, { numRuns: 100 });
  });
});
