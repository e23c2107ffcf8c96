import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface HostSettings {
  routePrefix: string;
  /** Milliseconds; undefined means unlimited. */
  functionTimeout: { ms: number; text: string } | undefined;
  hubName: string;
  defaultVersion: string | null;
  versionMatchStrategy: 'None' | 'Strict' | 'CurrentOrOlder';
  versionFailureStrategy: 'Reject' | 'Fail';
  /** NonRunningStates: an id may be used again once it ended. AnyState: a running one is replaced. */
  overridableExistingInstanceStates: 'NonRunningStates' | 'AnyState';
  maxConcurrentActivityFunctions: number;
  maxConcurrentOrchestratorFunctions: number;
  /** Keys this host does not act on, as dotted paths. */
  unknownKeys: string[];
}

export class HostJsonError extends Error {
  override name = 'HostJsonError';
}

/** Known keys; `true` accepts everything below (it has no meaning on one machine, see local/README.md). */
const known = {
  version: true,
  functionTimeout: true,
  extensionBundle: true,
  logging: true,
  extensions: {
    http: { routePrefix: true },
    durableTask: {
      hubName: true,
      defaultVersion: true,
      versionMatchStrategy: true,
      versionFailureStrategy: true,
      overridableExistingInstanceStates: true,
      maxConcurrentActivityFunctions: true,
      maxConcurrentOrchestratorFunctions: true,
      storageProvider: {
        partitionCount: true,
        maxQueuePollingInterval: true,
        workItemQueueVisibilityTimeout: true,
        controlQueueVisibilityTimeout: true,
      },
      tracing: true,
    },
  },
} as const;

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownIn(value: Json, allowed: Json, prefix: string): string[] {
  return Object.entries(value).flatMap(([key, inner]) => {
    const rule = allowed[key];
    if (rule === undefined) return [`${prefix}${key}`];
    return isObject(rule) && isObject(inner) ? unknownIn(inner, rule, `${prefix}${key}.`) : [];
  });
}

/** `hh:mm:ss`, optionally `d.hh:mm:ss`. @returns milliseconds */
export function parseTimeSpan(text: string): number | undefined {
  const match = /^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?$/.exec(text);
  if (match === null) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
}

function timeoutOf(value: unknown): HostSettings['functionTimeout'] {
  if (value === '-1') return undefined;
  const text = typeof value === 'string' ? value : '00:30:00';
  const ms = parseTimeSpan(text);
  if (ms === undefined || ms === 0) throw new HostJsonError(`functionTimeout is ${text}; expected hh:mm:ss or "-1"`);
  return { ms, text };
}

function section(parent: Json, key: string): Json {
  const value = parent[key];
  return isObject(value) ? value : {};
}

function choice<T extends string>(durable: Json, key: string, options: readonly [T, ...T[]]): T {
  const value = durable[key];
  if (value === undefined) return options[0];
  const found = options.find((option) => option.toLowerCase() === String(value).toLowerCase());
  if (found === undefined)
    throw new HostJsonError(`durableTask.${key} is ${String(value)}; expected ${options.join(' or ')}`);
  return found;
}

function limit(durable: Json, key: string, fallback: number): number {
  const value = durable[key] ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
    throw new HostJsonError(`durableTask.${key} is ${String(value)}; expected a whole number from 1`);
  }
  return value;
}

function hubNameOf(durable: Json, environment: NodeJS.ProcessEnv): string {
  const raw = typeof durable['hubName'] === 'string' ? durable['hubName'] : 'TestHubName';
  const name = raw.replace(/^%(.+)%$/, (_all, variable: string) => environment[variable] ?? '');
  if (!/^[A-Za-z][A-Za-z0-9]{2,44}$/.test(name)) {
    throw new HostJsonError(`durableTask.hubName is "${name}"; expected 3 to 45 letters and digits, a letter first`);
  }
  return name;
}

/** @throws HostJsonError naming the key */
export function parseHostJson(json: Json, environment: NodeJS.ProcessEnv, cores: number): HostSettings {
  const extensions = section(json, 'extensions');
  const durable = section(extensions, 'durableTask');
  const prefix = section(extensions, 'http')['routePrefix'];
  const version = durable['defaultVersion'];
  return {
    routePrefix: typeof prefix === 'string' ? prefix : 'api',
    functionTimeout: timeoutOf(json['functionTimeout']),
    hubName: hubNameOf(durable, environment),
    defaultVersion: typeof version === 'string' && version !== '' ? version : null,
    versionMatchStrategy: choice(durable, 'versionMatchStrategy', ['CurrentOrOlder', 'Strict', 'None']),
    versionFailureStrategy: choice(durable, 'versionFailureStrategy', ['Reject', 'Fail']),
    overridableExistingInstanceStates: choice(durable, 'overridableExistingInstanceStates', [
      'NonRunningStates',
      'AnyState',
    ]),
    maxConcurrentActivityFunctions: limit(durable, 'maxConcurrentActivityFunctions', 10 * cores),
    maxConcurrentOrchestratorFunctions: limit(durable, 'maxConcurrentOrchestratorFunctions', 10 * cores),
    unknownKeys: unknownIn(json, known, ''),
  };
}

export function readHostJson(appFolder: string, environment: NodeJS.ProcessEnv, cores: number): HostSettings {
  const file = path.join(appFolder, 'host.json');
  if (!existsSync(file)) throw new HostJsonError(`${file} does not exist`);
  return parseHostJson(JSON.parse(readFileSync(file, 'utf8')) as Json, environment, cores);
}
