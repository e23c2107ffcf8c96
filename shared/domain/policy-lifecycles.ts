import type { Temporal } from 'temporal-polyfill';
import { compact, invalid, readList, readObject, readOneOf, readString, shown } from './arm-reader.ts';
import type { JsonObject } from './arm-reader.ts';
import { isAlwaysShorter, isWholeDays, isWithin, parseDuration } from './calendar.ts';
import type { Lifecycle } from './policy.ts';

/** Reads the lifecycles of a retention rule: how long a recovery point stays in the standard store, and in the archive after it. */

const duration = (text: string): Temporal.Duration => {
  const parsed = parseDuration(text);
  if (!parsed) throw new TypeError('a constant of this file is no duration');
  return parsed;
};

/** Source: the retention limits of the database-level workload. */
const ranges = {
  VaultStore: { minimum: duration('P7D'), maximum: duration('P10Y'), text: '7 days to 10 years' },
  ArchiveStore: { minimum: duration('P6M'), maximum: duration('P10Y'), text: '6 months to 10 years' },
} as const;

type Store = keyof typeof ranges;

const stores = ['VaultStore', 'ArchiveStore', 'OperationalStore'] as const;

export function readDataStore(value: unknown, path: string): { store: Store; echo: JsonObject } {
  const sent = readObject(value, path, ['dataStoreType', 'objectType']);
  const objectType = readOneOf(sent.get('objectType'), sent.at('objectType'), ['DataStoreInfoBase']);
  const store = readOneOf(sent.get('dataStoreType'), sent.at('dataStoreType'), stores);
  if (store === 'OperationalStore') {
    throw invalid(
      sent.at('dataStoreType'),
      'PostgreSQL backups have no OperationalStore: use VaultStore or ArchiveStore',
    );
  }
  return { store, echo: { dataStoreType: store, objectType } };
}

function readDuration(value: unknown, path: string): Temporal.Duration {
  const text = readString(value, path);
  const parsed = parseDuration(text);
  if (!parsed || !isWholeDays(parsed)) {
    throw invalid(path, `${shown(text)} is not an ISO 8601 duration of whole days, weeks, months or years, like P3M`);
  }
  return parsed;
}

/** AbsoluteDeleteOption, within the range of its store by the calendar. */
function readDeleteAfter(value: unknown, path: string, store: Store): { keep: Temporal.Duration; echo: JsonObject } {
  const sent = readObject(value, path, ['duration', 'objectType']);
  const objectType = readOneOf(sent.get('objectType'), sent.at('objectType'), ['AbsoluteDeleteOption']);
  const keep = readDuration(sent.get('duration'), sent.at('duration'));
  const range = ranges[store];
  if (!isWithin(keep, range.minimum, range.maximum)) {
    throw invalid(
      sent.at('duration'),
      `${shown(sent.get('duration'))} is outside the range of the ${store}: ${range.text}`,
    );
  }
  return { keep, echo: { objectType, duration: sent.get('duration') } };
}

type CopyTo = NonNullable<Lifecycle['copyTo']>;

function readCopyAfter(
  value: unknown,
  path: string,
  keep: Temporal.Duration,
): { when: CopyTo['when']; echo: JsonObject } {
  const sent = readObject(value, path, ['objectType', 'duration']);
  const options = ['CopyOnExpiryOption', 'ImmediateCopyOption', 'CustomCopyOption'] as const;
  const objectType = readOneOf(sent.get('objectType'), sent.at('objectType'), options);
  if (objectType !== 'CustomCopyOption') {
    if (sent.has('duration')) throw invalid(sent.at('duration'), `only CustomCopyOption has a duration`);
    return { when: objectType === 'CopyOnExpiryOption' ? 'OnExpiry' : 'Immediate', echo: { objectType } };
  }
  const after = readDuration(sent.get('duration'), sent.at('duration'));
  if (!isAlwaysShorter(after, keep)) {
    throw invalid(sent.at('duration'), 'the copy must be made before the recovery point leaves the source store');
  }
  return { when: { after: after.toString() }, echo: { objectType, duration: sent.get('duration') } };
}

/** The docs show an object where the spec and the service have a list; an empty one means none. */
function listOfTargets(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.keys(value).length === 0 ? [] : [value];
}

function readCopy(
  value: unknown,
  path: string,
  source: { store: Store; keep: Temporal.Duration },
): { copyTo?: CopyTo; echo?: JsonObject[] } {
  if (value === undefined) return {};
  const list = readList(listOfTargets(value), path, { minimum: 0, maximum: 1 });
  if (list.length === 0) return { echo: [] };
  const sent = readObject(list[0], `${path}[0]`, ['copyAfter', 'dataStore']);
  const target = readDataStore(sent.get('dataStore'), sent.at('dataStore'));
  if (source.store !== 'VaultStore' || target.store !== 'ArchiveStore') {
    throw invalid(
      `${sent.at('dataStore')}.dataStoreType`,
      'recovery points are copied from VaultStore to ArchiveStore only',
    );
  }
  const copyAfter = readCopyAfter(sent.get('copyAfter'), sent.at('copyAfter'), source.keep);
  return {
    copyTo: { store: target.store, when: copyAfter.when },
    echo: [{ copyAfter: copyAfter.echo, dataStore: target.echo }],
  };
}

function readLifecycle(item: unknown, path: string): { lifecycle: Lifecycle; echo: JsonObject } {
  const sent = readObject(item, path, ['deleteAfter', 'sourceDataStore', 'targetDataStoreCopySettings']);
  const source = readDataStore(sent.get('sourceDataStore'), sent.at('sourceDataStore'));
  const deleteAfter = readDeleteAfter(sent.get('deleteAfter'), sent.at('deleteAfter'), source.store);
  const copy = readCopy(sent.get('targetDataStoreCopySettings'), sent.at('targetDataStoreCopySettings'), {
    store: source.store,
    keep: deleteAfter.keep,
  });
  return {
    lifecycle: {
      store: source.store,
      deleteAfter: deleteAfter.keep.toString(),
      ...(copy.copyTo && { copyTo: copy.copyTo }),
    },
    echo: compact({
      deleteAfter: deleteAfter.echo,
      targetDataStoreCopySettings: copy.echo,
      sourceDataStore: source.echo,
    }),
  };
}

/**
 * The standard store first; the archive only as the target of its copy, and then with a lifecycle of its own. Throws
 * BMSUserErrorInvalidInput.
 */
export function readLifecycles(value: unknown, path: string): { lifecycles: Lifecycle[]; echo: JsonObject[] } {
  const read = readList(value, path, { minimum: 1, maximum: 2 }).map((item, index) =>
    readLifecycle(item, `${path}[${index}]`),
  );
  const [first, second] = read.map((item) => item.lifecycle);
  if (first?.store !== 'VaultStore') {
    throw invalid(`${path}[0].sourceDataStore.dataStoreType`, 'the first lifecycle must be that of the VaultStore');
  }
  if (second && second.store !== 'ArchiveStore') {
    throw invalid(`${path}[1].sourceDataStore.dataStoreType`, 'the VaultStore has two lifecycles');
  }
  if (second && !first.copyTo) {
    throw invalid(
      `${path}[1]`,
      'the ArchiveStore has a lifecycle, but the VaultStore has no copy setting that leads to it',
    );
  }
  if (first.copyTo && !second) {
    throw invalid(path, 'recovery points are copied to the ArchiveStore, which has no lifecycle');
  }
  return { lifecycles: read.map((item) => item.lifecycle), echo: read.map((item) => item.echo) };
}
