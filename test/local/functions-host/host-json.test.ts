import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseHostJson, parseTimeSpan } from '../../../local/functions-host/host-json.ts';
import { deriveKeys, keyMatches } from '../../../local/functions-host/http/keys.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const durable = (settings: Record<string, unknown>): Record<string, unknown> => ({
  version: '2.0',
  extensions: { durableTask: { hubName: 'Hub', ...settings } },
});
const parse = (json: Record<string, unknown>) => parseHostJson(json, { HUB: 'FromSetting' }, 2);

describe('host.json', () => {
  test('of this project has no key that means nothing here', () => {
    const json = JSON.parse(readFileSync(path.join(root, 'host.json'), 'utf8')) as Record<string, unknown>;
    expect(parse(json)).toMatchObject({
      unknownKeys: [],
      routePrefix: '',
      functionTimeout: undefined,
      defaultVersion: '1.0',
    });
  });

  test('has the real host’s defaults', () => {
    expect(parse({ version: '2.0' })).toMatchObject({
      routePrefix: 'api',
      functionTimeout: { ms: 1_800_000 },
      hubName: 'TestHubName',
      defaultVersion: null,
      versionMatchStrategy: 'CurrentOrOlder',
      versionFailureStrategy: 'Reject',
      maxConcurrentActivityFunctions: 20,
      maxConcurrentOrchestratorFunctions: 20,
    });
  });

  test('names unknown keys with their path', () => {
    const { unknownKeys } = parse({
      ...durable({ netheriteSettings: {}, storageProvider: { typo: 1 } }),
      aggregator: {},
    });
    expect(unknownKeys).toEqual([
      'extensions.durableTask.netheriteSettings',
      'extensions.durableTask.storageProvider.typo',
      'aggregator',
    ]);
  });

  test('takes the hub name from a setting', () => {
    expect(parse(durable({ hubName: '%HUB%' })).hubName).toBe('FromSetting');
  });

  test.for<[Record<string, unknown>, string]>([
    [{ hubName: 'ab' }, 'durableTask.hubName is "ab"'],
    [{ hubName: 'with-dash' }, 'letters and digits'],
    [{ maxConcurrentActivityFunctions: 0 }, 'maxConcurrentActivityFunctions is 0'],
    [{ versionMatchStrategy: 'Newest' }, 'versionMatchStrategy is Newest; expected CurrentOrOlder or Strict or None'],
  ])('refuses %o', ([settings, message]) => {
    expect(() => parse(durable(settings))).toThrow(message);
  });

  test('refuses a timeout that is no time', () => {
    expect(() => parse({ functionTimeout: 'ten' })).toThrow('functionTimeout is ten');
    expect(parseTimeSpan('1.02:03:04')).toBe(93_784_000);
    expect(parseTimeSpan('5')).toBeUndefined();
  });
});

describe('keys', () => {
  test('are the same at each start and differ by hub and purpose', () => {
    const one = deriveKeys('AccountKey=abc;', 'Hub');
    expect(deriveKeys('AccountKey=abc;', 'Hub')).toEqual(one);
    const all = [...Object.values(one), ...Object.values(deriveKeys('AccountKey=abc;', 'Other'))];
    expect(new Set(all).size).toBe(6);
    expect(deriveKeys('AccountKey=abc;', 'Hub', 'mine').master).toBe('mine');
  });

  test('open only when they are equal', () => {
    expect(keyMatches('key', ['other', 'key'])).toBe(true);
    expect(keyMatches('ke', ['key'])).toBe(false);
    expect(keyMatches(undefined, [''])).toBe(false);
  });
});
