import {
  compact,
  invalid,
  readFlag,
  readList,
  readName,
  readObject,
  readOneOf,
  readString,
  shown,
} from './arm-reader.ts';
import type { JsonObject } from './arm-reader.ts';
import { isSupportedDatasourceType } from './datasource.ts';
import { VaultError } from './errors.ts';
import type { BackupPolicy, RetentionRule, Schedule, TaggingRule } from './policy.ts';
import { readDataStore, readLifecycles } from './policy-lifecycles.ts';
import { readSchedule } from './policy-schedule.ts';
import { readTagging } from './policy-tags.ts';

/** Checks the ARM JSON of a backup policy and says what it means. */

const root = 'properties';

interface BackupRule {
  name: string;
  schedule: Schedule;
  tagging: TaggingRule[];
  taggingPath: string;
}

type ReadRule = { path: string; name: string; echo: JsonObject } & (
  { kind: 'backup'; rule: BackupRule } | { kind: 'retention'; rule: RetentionRule }
);

function readParameters(value: unknown, path: string): JsonObject | undefined {
  if (value === undefined) return undefined;
  const sent = readObject(value, path, ['backupType', 'objectType']);
  const objectType = readOneOf(sent.get('objectType'), sent.at('objectType'), ['AzureBackupParams']);
  readOneOf(sent.get('backupType'), sent.at('backupType'), ['Full']);
  return { backupType: sent.get('backupType'), objectType };
}

function readBackupRule(item: unknown, path: string): ReadRule {
  const sent = readObject(item, path, ['name', 'objectType', 'backupParameters', 'trigger', 'dataStore']);
  const name = readName(sent.get('name'), sent.at('name'));
  const backupParameters = readParameters(sent.get('backupParameters'), sent.at('backupParameters'));
  const dataStore = readDataStore(sent.get('dataStore'), sent.at('dataStore'));
  if (dataStore.store !== 'VaultStore') {
    throw invalid(`${sent.at('dataStore')}.dataStoreType`, 'backups are written to the VaultStore');
  }
  const trigger = readObject(sent.get('trigger'), sent.at('trigger'), ['objectType', 'schedule', 'taggingCriteria']);
  const objectType = readOneOf(trigger.get('objectType'), trigger.at('objectType'), ['ScheduleBasedTriggerContext']);
  const { schedule, echo: scheduleEcho } = readSchedule(trigger.get('schedule'), trigger.at('schedule'));
  const taggingPath = trigger.at('taggingCriteria');
  const { tagging, echo: taggingEcho } = readTagging(trigger.get('taggingCriteria'), taggingPath);
  return {
    kind: 'backup',
    path,
    name,
    rule: { name, schedule, tagging, taggingPath },
    echo: compact({
      backupParameters,
      trigger: { schedule: scheduleEcho, taggingCriteria: taggingEcho, objectType },
      dataStore: dataStore.echo,
      name,
      objectType: 'AzureBackupRule',
    }),
  };
}

function readRetentionRule(item: unknown, path: string): ReadRule {
  const sent = readObject(item, path, ['name', 'objectType', 'isDefault', 'lifecycles']);
  const name = readName(sent.get('name'), sent.at('name'));
  const isDefault = readFlag(sent.get('isDefault'), sent.at('isDefault'));
  const { lifecycles, echo } = readLifecycles(sent.get('lifecycles'), sent.at('lifecycles'));
  return {
    kind: 'retention',
    path,
    name,
    rule: { name, isDefault, lifecycles },
    echo: { lifecycles: echo, isDefault, name, objectType: 'AzureRetentionRule' },
  };
}

function readRule(item: unknown, path: string): ReadRule {
  const fields = ['name', 'objectType', 'backupParameters', 'trigger', 'dataStore', 'isDefault', 'lifecycles'] as const;
  const sent = readObject(item, path, fields);
  const types = ['AzureBackupRule', 'AzureRetentionRule'] as const;
  const objectType = readOneOf(sent.get('objectType'), sent.at('objectType'), types);
  return objectType === 'AzureBackupRule' ? readBackupRule(item, path) : readRetentionRule(item, path);
}

function readTypes(value: unknown, path: string): string[] {
  return readList(value, path, { minimum: 1, maximum: 10 }).map((item, index) => {
    const type = readString(item, `${path}[${index}]`);
    if (isSupportedDatasourceType(type)) return type;
    throw new VaultError(
      'UserErrorUnsupportedDatasourceType',
      { type: shown(type).slice(1, -1) },
      { target: `${path}[${index}]` },
    );
  });
}

const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

function checkNames(rules: readonly ReadRule[]): void {
  rules.forEach((rule, index) => {
    if (rules.slice(0, index).some((other) => sameName(other.name, rule.name))) {
      throw invalid(`${rule.path}.name`, `the rule name ${shown(rule.name)} is used twice`);
    }
  });
}

/**
 * Every tag has its retention rule and every retention rule its tag, the default the default. Returns the tags in the spelling of
 * their retention rules, so that inside the domain the two are compared exactly.
 */
function joinTags(backup: BackupRule, retention: readonly (ReadRule & { kind: 'retention' })[]): TaggingRule[] {
  for (const { rule, path } of retention) {
    if (!backup.tagging.some((tag) => sameName(tag.tag, rule.name))) {
      throw invalid(`${path}.name`, `no tagging criterion names the retention rule ${shown(rule.name)}`);
    }
  }
  return backup.tagging.map((tag, index) => {
    const path = `${backup.taggingPath}[${index}]`;
    const match = retention.find(({ rule }) => sameName(rule.name, tag.tag));
    if (!match) throw invalid(`${path}.tagInfo.tagName`, `there is no retention rule named ${shown(tag.tag)}`);
    if (match.rule.isDefault !== tag.isDefault) {
      throw invalid(
        `${path}.isDefault`,
        `the tag ${shown(tag.tag)} and its retention rule must both be the default, or neither`,
      );
    }
    return { ...tag, tag: match.rule.name };
  });
}

/**
 * Checks the `properties` of a backup policy and completes them as the service does: `tagInfo.id` is added, `name` dropped, rules stay
 * in the order sent, null properties are not echoed. The input is untrusted JSON. Throws only VaultErrors:
 * BMSUserErrorInvalidInput with the property as target, BMSUserErrorDPPBackupPolicyBackupFrequencyNotMatchingRule,
 * UserErrorUnsupportedDatasourceType.
 */
export function parsePolicy(properties: unknown): { policy: BackupPolicy; properties: JsonObject } {
  const sent = readObject(properties, root, ['objectType', 'datasourceTypes', 'policyRules'], ['name']);
  const objectType = readOneOf(sent.get('objectType'), sent.at('objectType'), ['BackupPolicy']);
  const datasourceTypes = readTypes(sent.get('datasourceTypes'), sent.at('datasourceTypes'));
  const rulesPath = sent.at('policyRules');
  const rules = readList(sent.get('policyRules'), rulesPath, { minimum: 1, maximum: 100 }).map((item, index) =>
    readRule(item, `${rulesPath}[${index}]`),
  );
  const [backup, ...moreBackups] = rules.filter((rule) => rule.kind === 'backup');
  if (!backup || moreBackups.length > 0) throw invalid(rulesPath, 'exactly one AzureBackupRule is expected');
  const retention = rules.filter((rule) => rule.kind === 'retention');
  if (retention.length === 0) throw invalid(rulesPath, 'at least one AzureRetentionRule is expected');
  const defaults = retention.filter(({ rule }) => rule.isDefault).length;
  if (defaults !== 1) {
    throw invalid(rulesPath, `exactly one AzureRetentionRule must have isDefault true, these are ${defaults}`);
  }
  checkNames(rules);
  return {
    policy: {
      backupRuleName: backup.rule.name,
      schedule: backup.rule.schedule,
      tagging: joinTags(backup.rule, retention),
      retention: retention.map(({ rule }) => rule),
    },
    properties: { datasourceTypes, objectType, policyRules: rules.map((rule) => rule.echo) },
  };
}
