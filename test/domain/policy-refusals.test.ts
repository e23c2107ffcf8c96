import { describe, expect, it } from 'vitest';
import { refusal, changed, defaultOnly, withInterval, backup, trigger, intervals, tags } from './policy-changes.ts';
import { archiveStore, copyToArchive, lifecycle, policyProperties, tag, vaultStore } from './policy-samples.ts';

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
