import { randomUUID } from 'node:crypto';
import type { TableClient, TableEntityResult } from '@azure/data-tables';
import { odata } from '@azure/data-tables';
import { VaultError } from '../../domain/errors.ts';
import type { Row, RowPage, RowRange, RowStore } from '../../ports.ts';
import { codeOf, describeSdkError, statusOf } from '../azure/sdk-errors.ts';
import { documentText, fromProperties, toProperties } from './documents.ts';
import { decodeKey, encodeBound, encodeKey } from './keys.ts';

/** One call, the SDK's own retries included. Without it a connection that went silent is waited for as long as TCP likes. */
const deadlineMilliseconds = 60_000;

type Entity = TableEntityResult<Record<string, unknown>>;

/**
 * Documents in Azure Table storage: JSON text over several string properties, keys as keys.ts writes them, one table for each name.
 * `w` holds the id of the write: a request that was repeated after its answer was lost meets its own row, and must not take it for a rival's.
 */
export function createTableRowStore(openTable: (name: string) => TableClient, prefix: string): RowStore {
  const table = tablesOnFirstUse(openTable, prefix);

  async function read<T>(client: TableClient, partition: string, key: string): Promise<Stored<T> | undefined> {
    try {
      return toRow<T>(await client.getEntity(encodeKey(partition), encodeKey(key), deadline()));
    } catch (error) {
      if (codeOf(error) === 'ResourceNotFound') return undefined;
      throw error;
    }
  }

  /** After "exists" or "changed": the row, when the write that was refused is the one that made it. */
  async function ownRow<T>(client: TableClient, partition: string, key: string, writeId: string) {
    const found = await read<T>(client, partition, key);
    return found?.writeId === writeId ? found.row : undefined;
  }

  return {
    get: <T>(name: string, partition: string, key: string) =>
      table(name, async (client) => (await read<T>(client, partition, key))?.row),

    insert: <T>(name: string, partition: string, key: string, value: T) =>
      table(name, async (client): Promise<Row<T> | undefined> => {
        const entity = toEntity(partition, key, value);
        try {
          const { etag } = await client.createEntity(entity, deadline());
          return { partition, key, value, etag: present(etag) };
        } catch (error) {
          if (codeOf(error) !== 'EntityAlreadyExists') throw error;
          return await ownRow<T>(client, partition, key, entity.w);
        }
      }),

    replace: <T>(name: string, { partition, key, etag: expected }: Row<unknown>, value: T) =>
      table(name, async (client): Promise<Row<T> | undefined> => {
        const entity = toEntity(partition, key, value);
        try {
          const { etag } = await client.updateEntity(entity, 'Replace', { etag: expected, ...deadline() });
          return { partition, key, value, etag: present(etag) };
        } catch (error) {
          if (!changedOrGone(error)) throw error;
          return await ownRow<T>(client, partition, key, entity.w);
        }
      }),

    upsert: <T>(name: string, partition: string, key: string, value: T) =>
      table(name, async (client): Promise<Row<T>> => {
        const { etag } = await client.upsertEntity(toEntity(partition, key, value), 'Replace', deadline());
        return { partition, key, value, etag: present(etag) };
      }),

    remove: (name, { partition, key, etag }) =>
      table(name, async (client) => {
        try {
          await client.deleteEntity(encodeKey(partition), encodeKey(key), { etag, ...deadline() });
          return true;
        } catch (error) {
          if (!changedOrGone(error)) throw error;
          return false;
        }
      }),

    list: <T>(name: string, partition: string, range: RowRange) =>
      table(name, (client) => readPage<T>(client, partition, range)),
  };
}

interface Stored<T> {
  readonly row: Row<T>;
  readonly writeId: unknown;
}

/** Runs a call against a table that exists by then, and gives its failures the catalogue's name. */
function tablesOnFirstUse(openTable: (name: string) => TableClient, prefix: string) {
  const opened = new Map<string, Promise<TableClient>>();

  async function create(name: string): Promise<TableClient> {
    const client = openTable(`${prefix}${name}`);
    // "Already exists", from another process or an earlier run, is no error to the SDK.
    await client.createTable(deadline());
    return client;
  }

  return async function use<R>(name: string, call: (client: TableClient) => Promise<R>): Promise<R> {
    try {
      let client = opened.get(name);
      if (!client) opened.set(name, (client = create(name)));
      return await call(await client);
    } catch (error) {
      if (error instanceof VaultError || error instanceof RangeError) throw error;
      // A table that could not be made, or was deleted under this process, is made at the next use.
      if (statusOf(error) === undefined || codeOf(error) === 'TableNotFound' || statusOf(error) === 403) {
        opened.delete(name);
      }
      throw new VaultError(
        'UserErrorVaultStoreNotAccessible',
        { detail: `table ${prefix}${name}: ${describeSdkError(error)}` },
        { cause: error },
      );
    }
  };
}

/** One request. The service may end a page early, at a partition server's border or after 5 seconds: the continuation then says so. */
async function readPage<T>(client: TableClient, partition: string, range: RowRange): Promise<RowPage<T>> {
  if (!Number.isInteger(range.pageSize) || range.pageSize < 1 || range.pageSize > 1000) {
    throw new RangeError('A page has 1 to 1000 rows.');
  }
  const filter = [
    odata`PartitionKey eq ${encodeKey(partition)}`,
    ...(range.from ? [odata`RowKey ge ${encodeBound(range.from)}`] : []),
    ...(range.before ? [odata`RowKey lt ${encodeBound(range.before)}`] : []),
  ].join(' and ');
  const pages = client.listEntities({ queryOptions: { filter }, ...deadline() }).byPage({
    maxPageSize: range.pageSize,
    ...(range.continuation === undefined ? {} : { continuationToken: checkedContinuation(range.continuation) }),
  });
  const { value: page } = (await pages.next()) as { value?: Entity[] & { continuationToken?: string } };
  const rows = (page ?? []).map((entity) => toRow<T>(entity).row);
  const continuation = page?.continuationToken;
  return { rows, ...(continuation ? { continuation } : {}) };
}

/** A continuation comes back from clients in a link, so it may be anything. It cannot leave the partition: the filter holds. */
function checkedContinuation(continuation: string): string {
  try {
    const token: unknown = JSON.parse(Buffer.from(continuation, 'base64').toString());
    if (typeof token === 'object' && token !== null && 'nextPartitionKey' in token) return continuation;
  } catch {
    // Not JSON: refused like every other text that is not a continuation.
  }
  throw new VaultError('BMSUserErrorInvalidInput', { detail: 'the continuation of the list is not valid.' });
}

function toEntity(partition: string, key: string, value: unknown) {
  const properties = toProperties(documentText(value));
  return { ...properties, partitionKey: encodeKey(partition), rowKey: encodeKey(key), w: randomUUID() };
}

function toRow<T>(entity: Entity): Stored<T> {
  const value: T = JSON.parse(fromProperties(entity));
  const { partitionKey = '', rowKey = '', etag, w } = entity;
  return { row: { partition: decodeKey(partitionKey), key: decodeKey(rowKey), value, etag }, writeId: w };
}

const changedOrGone = (error: unknown): boolean =>
  statusOf(error) === 412 || codeOf(error) === 'ResourceNotFound' || codeOf(error) === 'EntityNotFound';

const deadline = () => ({ abortSignal: AbortSignal.timeout(deadlineMilliseconds) });

function present(etag: string | undefined): string {
  if (etag === undefined) throw new Error('The service answered a write without an ETag.');
  return etag;
}
