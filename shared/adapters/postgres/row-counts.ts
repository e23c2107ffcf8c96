import type { TableCount } from '../../domain/manifest.ts';
import type { TableEntry } from './catalogue.ts';
import { qualified } from './quoting.ts';
import type { Session } from './session.ts';

const batchTables = 50;
/** 8 MB: a table above it gets a statement of its own, so that progress is seen. */
const smallPages = 1000;

/** What identifies and restricts the rows of a table. */
export type CountedTable = Pick<TableEntry, 'schema' | 'name' | 'condition' | 'pages'>;

/**
 * Counts the rows of each table as pg_dump would write them (ONLY, and only the registered rows of extension configuration).
 * Inside a transaction each batch runs in a subtransaction that is rolled back: planning a count locks the table's indexes, and
 * held to the end that would make REINDEX wait for the whole backup.
 */
export async function countRows(
  session: Session,
  tables: readonly CountedTable[],
  options: { inTransaction: boolean; signal: AbortSignal; onCounted: (tables: number) => void },
): Promise<TableCount[]> {
  const counts: TableCount[] = [];
  for (const batch of batches(tables)) {
    options.signal.throwIfAborted();
    if (options.inTransaction) await session.query('SAVEPOINT counting');
    counts.push(...(await countBatch(session, batch)));
    if (options.inTransaction) await session.query('ROLLBACK TO SAVEPOINT counting');
    options.onCounted(counts.length);
  }
  return counts;
}

async function countBatch(session: Session, batch: readonly CountedTable[]): Promise<TableCount[]> {
  const selects = batch.map(
    ({ schema, name, condition }, index) =>
      `(SELECT ${String(index)} AS position, pg_catalog.count(*)::text AS rows FROM ONLY ${qualified(schema, name)} ${condition})`,
  );
  const rows = await session.query<{ position: number; rows: string }>(selects.join(' UNION ALL '));
  const found = new Map(rows.map((row) => [row.position, Number(row.rows)]));
  return batch.map(({ schema, name }, index) => {
    const counted = found.get(index);
    if (counted === undefined) throw new Error(`no count for ${qualified(schema, name)}`);
    return { schema, name, rows: counted };
  });
}

/** Pure: small tables together, large ones alone, in the given order. */
export function batches<T extends { readonly pages: number }>(tables: readonly T[]): T[][] {
  const result: T[][] = [];
  let open: T[] = [];
  for (const table of tables) {
    if (table.pages > smallPages) {
      result.push([table]);
      continue;
    }
    if (open.length === 0) result.push(open);
    open.push(table);
    if (open.length === batchTables) open = [];
  }
  return result;
}
