/** Policies as official clients send them. Each call gives a fresh copy, so that a test may change it. */

type Json = Record<string, unknown>;

export const vaultStore = { dataStoreType: 'VaultStore', objectType: 'DataStoreInfoBase' };
export const archiveStore = { dataStoreType: 'ArchiveStore', objectType: 'DataStoreInfoBase' };

export const lifecycle = (duration: string, more: Json = {}): Json => ({
  deleteAfter: { objectType: 'AbsoluteDeleteOption', duration },
  sourceDataStore: { ...vaultStore },
  ...more,
});

export const copyToArchive = (copyAfter: Json = { objectType: 'CopyOnExpiryOption' }): Json => ({
  targetDataStoreCopySettings: [{ copyAfter, dataStore: { ...archiveStore } }],
});

export const retentionRule = (name: string, isDefault: boolean, lifecycles: Json[]): Json => ({
  lifecycles,
  isDefault,
  name,
  objectType: 'AzureRetentionRule',
});

export const tag = (tagName: string, taggingPriority: number, absolute?: string): Json => ({
  tagInfo: { tagName },
  taggingPriority,
  isDefault: absolute === undefined,
  ...(absolute !== undefined && {
    criteria: [{ absoluteCriteria: [absolute], objectType: 'ScheduleBasedBackupCriteria' }],
  }),
});

export interface PolicyOptions {
  intervals?: unknown[];
  timeZone?: unknown;
  tags?: Json[];
  retention?: Json[];
}

/** A whole policy; by default the one of the service's documentation: weekly on two days, Monthly into the archive, Default. */
export function policyProperties(options: PolicyOptions = {}): { policyRules: Json[] } & Json {
  const {
    intervals = ['R/2021-08-15T22:00:00+00:00/P1W', 'R/2021-08-17T22:00:00+00:00/P1W'],
    timeZone = 'UTC',
    tags = [tag('Monthly', 15, 'FirstOfMonth'), tag('Default', 99)],
    retention = [
      retentionRule('Monthly', false, [
        lifecycle('P6M', copyToArchive()),
        lifecycle('P24M', { sourceDataStore: { ...archiveStore }, targetDataStoreCopySettings: [] }),
      ]),
      retentionRule('Default', true, [lifecycle('P3M', { targetDataStoreCopySettings: [] })]),
    ],
  } = options;
  return structuredClone({
    datasourceTypes: ['Microsoft.DBforPostgreSQL/servers/databases'],
    objectType: 'BackupPolicy',
    policyRules: [
      {
        backupParameters: { backupType: 'Full', objectType: 'AzureBackupParams' },
        trigger: {
          schedule: { repeatingTimeIntervals: intervals, timeZone },
          taggingCriteria: tags,
          objectType: 'ScheduleBasedTriggerContext',
        },
        dataStore: { ...vaultStore },
        name: 'BackupWeekly',
        objectType: 'AzureBackupRule',
      },
      ...retention,
    ],
  });
}

/** The policy of the published API example, with its old datasource type and an offset in the interval. */
export const publishedExample = (): Json => ({
  policyRules: [
    {
      backupParameters: { backupType: 'Full', objectType: 'AzureBackupParams' },
      trigger: {
        schedule: { repeatingTimeIntervals: ['R/2019-11-20T08:00:00-08:00/P1W'] },
        taggingCriteria: [
          tag('Default', 99),
          {
            tagInfo: { tagName: 'Weekly' },
            taggingPriority: 20,
            isDefault: false,
            criteria: [
              {
                scheduleTimes: ['2019-03-01T13:00:00Z'],
                daysOfTheWeek: ['Sunday'],
                objectType: 'ScheduleBasedBackupCriteria',
              },
            ],
          },
        ],
        objectType: 'ScheduleBasedTriggerContext',
      },
      dataStore: { ...vaultStore },
      name: 'BackupWeekly',
      objectType: 'AzureBackupRule',
    },
    retentionRule('Default', true, [lifecycle('P1W')]),
    retentionRule('Weekly', false, [lifecycle('P12W')]),
  ],
  datasourceTypes: ['OssDB'],
  objectType: 'BackupPolicy',
});
