import { randomUUID } from 'node:crypto';
import { VaultError } from '../../domain/errors.ts';
import type { Row, RowRange, RowStore } from '../../ports.ts';
import { documentText } from '../table/documents.ts';
import { encodeBound, encodeKey } from '../table/keys.ts';

interface Stored {
  readonly key: string;
  readonly text: string;
  readonly etag: string;
}

/** Rows in this process only, for tests; the same documents, keys and order as Table storage. */
export function createMemoryRowStore(): RowStore {
  const partitions = new Map<string, Map<string, Stored>>();

  function partitionOf(table: string, partition: string): Map<string, Stored> {
    const name = `${table} ${encodeKey(partition)}`;
    const found = partitions.get(name) ?? new Map<string, Stored>();
    partitions.set(name, found);
    return found;
  }

  function write<T>(table: string, partition: string, key: string, value: T): Row<T> {
    const stored = { key, text: documentText(value), etag: randomUUID() };
    partitionOf(table, partition).set(encodeKey(key), stored);
    return toRow<T>(partition, stored);
  }

  const holds = (table: string, { partition, key, etag }: Row<unknown>): boolean =>
    partitionOf(table, partition).get(encodeKey(key))?.etag === etag;

  return {
    async get<T>(table: string, partition: string, key: string) {
      const stored = partitionOf(table, partition).get(encodeKey(key));
      return stored && toRow<T>(partition, stored);
    },
    async insert<T>(table: string, partition: string, key: string, value: T) {
      if (partitionOf(table, partition).has(encodeKey(key))) return undefined;
      return write(table, partition, key, value);
    },
    async replace<T>(table: string, row: Row<unknown>, value: T) {
      return holds(table, row) ? write(table, row.partition, row.key, value) : undefined;
    },
    upsert: async (table, partition, key, value) => write(table, partition, key, value),
    async remove(table, row) {
      return holds(table, row) && partitionOf(table, row.partition).delete(encodeKey(row.key));
    },
    async list<T>(table: string, partition: string, range: RowRange) {
      return readPage<T>(partition, [...partitionOf(table, partition)], range);
    },
  };
}

function readPage<T>(partition: string, rows: readonly (readonly [string, Stored])[], range: RowRange) {
  const { from, before, pageSize, continuation } = range;
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 1000)
    throw new RangeError('A page has 1 to 1000 rows.');
  const start = continuation === undefined ? undefined : startOf(continuation);
  const inRange = rows
    .filter(([key]) => (!from || key >= encodeBound(from)) && (!before || key < encodeBound(before)))
    .filter(([key]) => start === undefined || key >= start)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  const next = inRange[pageSize]?.[0];
  return {
    rows: inRange.slice(0, pageSize).map(([, stored]) => toRow<T>(partition, stored)),
    ...(next === undefined ? {} : { continuation: Buffer.from(`next ${next}`).toString('base64') }),
  };
}

function startOf(continuation: string): string {
  const text = Buffer.from(continuation, 'base64').toString();
  if (text.startsWith('next ')) return text.slice('next '.length);
  throw new VaultError('BMSUserErrorInvalidInput', { detail: 'the continuation of the list is not valid.' });
}

function toRow<T>(partition: string, { key, text, etag }: Stored): Row<T> {
  const value: T = JSON.parse(text);
  return { partition, key, value, etag };
}
