import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VaultError } from '../../shared/domain/errors.ts';
import { parsePolicy } from '../../shared/domain/policy-rules.ts';
import {
  archiveStore,
  copyToArchive,
  lifecycle,
  policyProperties,
  publishedExample,
  retentionRule,
  tag,
  vaultStore,
} from './policy-samples.ts';

type Json = Record<string, unknown>;

/** Sets the value at a path of a JSON document; undefined removes the property. */
function set(document: Json, path: string, value: unknown): Json {
  const keys = path.match(/[^.[\]]+/g) ?? [];
  const last = keys.pop() ?? '';
  const parent = keys.reduce<Json>((object, key) => object[key] as Json, document);
  if (value === undefined) Reflect.deleteProperty(parent, last);
  else parent[last] = value;
  return document;
}

/** The refusal of an input as `code @ target: text`. */
function refusal(properties: unknown): string {
  try {
    parsePolicy(properties);
  } catch (error) {
    if (error instanceof VaultError)
      return `${error.code} @ ${error.target}: ${String(error.facts['detail'] ?? error.message)}`;
    throw error;
  }
  return 'accepted';
}

const changed = (path: string, value: unknown): unknown => set(policyProperties(), path, value);
const defaultOnly = (duration: string): unknown =>
  policyProperties({ tags: [tag('Default', 99)], retention: [retentionRule('Default', true, [lifecycle(duration)])] });
const withInterval = (interval: unknown, timeZone: unknown = 'UTC'): unknown =>
  policyProperties({ intervals: [interval], timeZone });

const backup = 'policyRules[0]';
const trigger = `${backup}.trigger`;
const intervals = `${trigger}.schedule.repeatingTimeIntervals`;
const tags = `${trigger}.taggingCriteria`;

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

describe('a policy is refused', () => {
  const cases: [what: string, input: () => unknown][] = [
    ['no object', () => 'BackupPolicy'],
    ['null', () => null],
    ['a list', () => []],
    ['another objectType', () => changed('objectType', 'OtherPolicy')],
    ['no objectType', () => changed('objectType', undefined)],
    ['an unknown property', () => changed('rules', [])],
    ['a property twice', () => changed('OBJECTTYPE', 'BackupPolicy')],
    ['a misspelled property of a criterion', () => changed(`${tags}[0].criteria[0].weeksOfMonth`, ['First'])],
    ['no datasource type', () => changed('datasourceTypes', [])],
    ['a whole flexible server', () => changed('datasourceTypes[0]', 'Microsoft.DBforPostgreSQL/flexibleServers')],
    ['a disk', () => changed('datasourceTypes', ['OssDB', 'Microsoft.Compute/disks'])],
    ['no rules', () => changed('policyRules', [])],
    ['an unknown rule', () => changed(`${backup}.objectType`, 'AzureFooRule')],
    ['two backup rules', () => changed('policyRules[1]', policyProperties().policyRules[0])],
    ['no backup rule', () => changed('policyRules', policyProperties().policyRules.slice(1))],
    ['no retention rule', () => changed('policyRules', policyProperties().policyRules.slice(0, 1))],
    ['two default retention rules', () => changed('policyRules[1].isDefault', true)],
    ['no default retention rule', () => changed('policyRules[2].isDefault', false)],
    ['two default tags', () => changed(`${tags}[0].isDefault`, true)],
    ['no default tag', () => changed(`${tags}[1]`, { ...tag('Default', 99, 'AllBackup'), isDefault: false })],
    [
      'a tag without rule',
      () =>
        changed(`${tags}`, [tag('Yearly', 10, 'FirstOfYear'), tag('Monthly', 15, 'FirstOfMonth'), tag('Default', 99)]),
    ],
    ['a rule without tag', () => changed(`${tags}`, [tag('Default', 99)])],
    [
      'a default tag that is not the default rule',
      () => policyProperties({ tags: [tag('Default', 15, 'FirstOfMonth'), tag('Monthly', 99)] }),
    ],
    ['a rule name twice', () => changed('policyRules[1].name', 'DEFAULT')],
    ['the backup rule named as a retention rule', () => changed(`${backup}.name`, 'Monthly')],
    ['a priority twice', () => changed(`${tags}[0].taggingPriority`, 99)],
    ['a tag twice', () => changed(`${tags}[0].tagInfo.tagName`, 'default')],
    ['a priority that is a text', () => changed(`${tags}[0].taggingPriority`, '15')],
    ['a negative priority', () => changed(`${tags}[0].taggingPriority`, -1)],
    ['an empty name', () => changed(`${backup}.name`, '')],
    ['a name with a line break', () => changed(`${backup}.name`, 'a\nb')],
    ['a tag without criteria', () => changed(`${tags}[0].criteria`, undefined)],
    [
      'an empty criterion',
      () => changed(`${tags}[0].criteria`, [{ objectType: 'ScheduleBasedBackupCriteria', daysOfMonth: [] }]),
    ],
    ['an unknown marker', () => changed(`${tags}[0].criteria[0].absoluteCriteria`, ['FirstOfQuarter'])],
    ['day 31', () => changed(`${tags}[0].criteria[0].daysOfMonth`, [{ date: 31 }])],
    ['a schedule time without zone', () => changed(`${tags}[0].criteria[0].scheduleTimes`, ['2019-03-01T13:00:00'])],
    ['an ad hoc trigger', () => changed(`${trigger}.objectType`, 'AdhocBasedTriggerContext')],
    ['an incremental backup', () => changed(`${backup}.backupParameters.backupType`, 'Incremental')],
    ['a backup into the archive', () => changed(`${backup}.dataStore`, archiveStore)],
    ['the operational store', () => changed(`${backup}.dataStore.dataStoreType`, 'OperationalStore')],
    ['an unknown zone', () => changed(`${trigger}.schedule.timeZone`, 'Middle Earth Standard Time')],
    ['an offset as zone', () => changed(`${trigger}.schedule.timeZone`, '+01:00')],
    ['no interval', () => changed(intervals, [])],
    [
      'two intervals on one weekday',
      () => policyProperties({ intervals: ['R/2026-01-04T22:00:00Z/P1W', 'R/2026-01-11T22:00:00Z/P1W'] }),
    ],
    [
      'two intervals on one local weekday',
      () =>
        policyProperties({
          intervals: ['R/2026-01-04T22:00:00Z/P1W', 'R/2026-01-12T00:00:00+14:00/P1W'],
          timeZone: 'Pacific/Kiritimati',
        }),
    ],
    [
      'two times of day',
      () => policyProperties({ intervals: ['R/2026-01-04T22:00:00Z/P1W', 'R/2026-01-06T23:00:00Z/P1W'] }),
    ],
    ['a daily interval', () => withInterval('R/2026-01-04T22:00:00Z/P1D')],
    ['an interval of hours', () => withInterval('R/2026-01-04T22:00:00Z/PT4H')],
    ['an interval of two weeks', () => withInterval('R/2026-01-04T22:00:00Z/P2W')],
    ['an interval of a week and an hour', () => withInterval('R/2026-01-04T22:00:00Z/P1WT1H')],
    ['a bounded repetition', () => withInterval('R5/2026-01-04T22:00:00Z/P1W')],
    ['an interval without start', () => withInterval('R/PT4H')],
    ['a time without date', () => withInterval('R/T22:00/P1W')],
    ['a compact time', () => withInterval('R/2026-01-04T2200Z/P1W')],
    ['a start without offset', () => withInterval('R/2026-01-04T22:00:00/P1W')],
    ['30 February', () => withInterval('R/2026-02-30T22:00:00Z/P1W')],
    ['a period that is none', () => withInterval('R/2026-01-04T22:00:00Z/1W')],
    ['an interval that is a number', () => withInterval(7)],
    ['no lifecycle', () => changed('policyRules[2].lifecycles', [])],
    ['6 days', () => defaultOnly('P6D')],
    ['more than 10 years', () => defaultOnly('P10Y1D')],
    ['121 months', () => defaultOnly('P121M')],
    ['3654 days', () => defaultOnly('P3654D')],
    ['nothing', () => defaultOnly('P')],
    ['a fraction', () => defaultOnly('P1.5M')],
    ['a negative duration', () => defaultOnly('-P7D')],
    ['hours', () => defaultOnly('PT1000H')],
    ['words', () => defaultOnly('three months')],
    ['180 days of archive', () => changed('policyRules[1].lifecycles[1].deleteAfter.duration', 'P180D')],
    ['5 months of archive', () => changed('policyRules[1].lifecycles[1].deleteAfter.duration', 'P5M')],
    ['another delete option', () => changed('policyRules[2].lifecycles[0].deleteAfter.objectType', 'DeleteOption')],
    [
      'archive first',
      () => changed('policyRules[2].lifecycles[0]', lifecycle('P1Y', { sourceDataStore: archiveStore })),
    ],
    ['archive without copy', () => changed('policyRules[1].lifecycles[0].targetDataStoreCopySettings', [])],
    ['copy without archive lifecycle', () => changed('policyRules[1].lifecycles', [lifecycle('P6M', copyToArchive())])],
    ['the standard store twice', () => changed('policyRules[1].lifecycles[1].sourceDataStore', vaultStore)],
    [
      'copy to itself',
      () => changed('policyRules[1].lifecycles[0].targetDataStoreCopySettings[0].dataStore', vaultStore),
    ],
    [
      'copy out of the archive',
      () =>
        changed(
          'policyRules[1].lifecycles[1].targetDataStoreCopySettings',
          copyToArchive()['targetDataStoreCopySettings'],
        ),
    ],
    [
      'a custom copy without duration',
      () =>
        changed('policyRules[1].lifecycles[0].targetDataStoreCopySettings[0].copyAfter', {
          objectType: 'CustomCopyOption',
        }),
    ],
    [
      'a custom copy at the end',
      () =>
        changed('policyRules[1].lifecycles[0].targetDataStoreCopySettings[0].copyAfter', {
          objectType: 'CustomCopyOption',
          duration: 'P6M',
        }),
    ],
    [
      'a duration of a copy on expiry',
      () => changed('policyRules[1].lifecycles[0].targetDataStoreCopySettings[0].copyAfter.duration', 'P1M'),
    ],
  ];

  it('with the property and the rule it breaks', () => {
    const refusals = Object.fromEntries(cases.map(([what, input]) => [what, refusal(input())]));
    expect(Object.values(refusals)).not.toContain('accepted');
    expect(refusals).toMatchSnapshot();
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
    fc.assert(property, { numRuns: 500 });
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
