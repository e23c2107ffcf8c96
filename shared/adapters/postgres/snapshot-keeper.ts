import { setTimeout as sleep } from 'node:timers/promises';
import { VaultError } from '../../domain/errors.ts';
import { listTables } from './catalogue.ts';
import type { TableEntry } from './catalogue.ts';
import { codeOf, messageOf } from './pg-errors.ts';
import { qualified } from './quoting.ts';
import type { Session } from './session.ts';

/** Below the default deadlock_timeout of one second: then it is always the backup that gives way, never the migration it meets. */
const lockTimeoutMilliseconds = 900;
const pauseMilliseconds = 250;

const lockNotGranted = new Set(['55P03', '40P01']);
/** A table was dropped, renamed or became something else between listing and locking. */
const nameIsStale = new Set(['42P01', '3F000', '42809', 'XX000']);

export interface KeptSnapshot {
  /** For `pg_dump --snapshot`; valid as long as the keeper's transaction. */
  readonly snapshot: string;
  /** ISO 8601 UTC. */
  readonly takenAt: string;
  /** The tables as the snapshot sees them, all locked. */
  readonly tables: readonly TableEntry[];
}

/**
 * Opens a read-only REPEATABLE READ transaction in the session, locks every table in ACCESS SHARE mode and exports its snapshot.
 * A snapshot that is older than a lock lets a TRUNCATE or a rewriting ALTER slip in between, and pg_dump would write that table empty
 * without a word. So: lock first (LOCK does not fix the snapshot), export, list again under the snapshot, lock what is new, and accept
 * only if each table is locked by this session and still has the file that the snapshot knows.
 * @throws VaultError UserErrorLockNotGranted or UserErrorSchemaChangedDuringBackup after `lockWaitSeconds`
 */
export async function keepSnapshot(
  session: Session,
  lockWaitSeconds: number,
  signal: AbortSignal,
): Promise<KeptSnapshot> {
  const deadline = Date.now() + lockWaitSeconds * 1000;
  for (;;) {
    signal.throwIfAborted();
    const before = await listTables(session);
    let obstacle: VaultError | undefined;
    try {
      const kept = await tryToKeep(session, before);
      if (typeof kept !== 'string') return kept;
      obstacle = new VaultError('UserErrorSchemaChangedDuringBackup', { detail: `${kept} was truncated or rewritten` });
      await session.query('ROLLBACK');
    } catch (error) {
      await session.query('ROLLBACK');
      obstacle = await explain(session, error, before, lockWaitSeconds);
    }
    if (Date.now() >= deadline) throw obstacle;
    await sleep(pauseMilliseconds, undefined, { signal });
  }
}

/** The snapshot, or the name of a table whose contents it may not see. */
async function tryToKeep(session: Session, before: readonly TableEntry[]): Promise<KeptSnapshot | string> {
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await session.query(`SET LOCAL lock_timeout = ${String(lockTimeoutMilliseconds)}`);
  await lockTables(session, before);
  const [exported] = await session.query<{ snapshot: string; at: string }>(
    `SELECT pg_catalog.pg_export_snapshot() AS snapshot,
            pg_catalog.to_char(pg_catalog.clock_timestamp(), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at`,
  );
  if (exported === undefined) throw new Error('no snapshot was exported');
  const tables = await listTables(session);
  const known = new Set(before.map(identity));
  await lockTables(
    session,
    tables.filter((table) => !known.has(identity(table))),
  );
  const doubtful = await firstDoubtful(session, tables);
  if (doubtful !== undefined) return doubtful;
  await session.query('SET LOCAL lock_timeout = 0');
  return { snapshot: exported.snapshot, takenAt: exported.at, tables };
}

const identity = (table: TableEntry): string => `${String(table.oid)} ${qualified(table.schema, table.name)}`;

async function lockTables(session: Session, tables: readonly TableEntry[]): Promise<void> {
  if (tables.length === 0) return;
  const names = tables.map((table) => `ONLY ${qualified(table.schema, table.name)}`);
  await session.query(`LOCK TABLE ${names.join(', ')} IN ACCESS SHARE MODE`);
}

/**
 * A table that this session does not hold, or that has another file now than in the snapshot. pg_class is read with the snapshot,
 * pg_relation_filenode() with the newest catalogue: together they tell.
 */
async function firstDoubtful(session: Session, tables: readonly TableEntry[]): Promise<string | undefined> {
  const rows = await session.query<{ name: string }>(
    `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_catalog.pg_locks l ON l.locktype = 'relation' AND l.relation = c.oid AND l.granted
         AND l.pid = pg_catalog.pg_backend_pid() AND l.mode = 'AccessShareLock'
      WHERE c.oid = ANY ($1::pg_catalog.oid[])
        AND (l.relation IS NULL OR (c.relkind = 'r' AND pg_catalog.pg_relation_filenode(c.oid) IS DISTINCT FROM c.relfilenode))
      LIMIT 1`,
    [tables.map((table) => table.oid)],
  );
  return rows[0]?.name;
}

/** What kept the locks from us, by name; rethrows what is no matter of waiting. */
async function explain(
  session: Session,
  error: unknown,
  tables: readonly TableEntry[],
  seconds: number,
): Promise<VaultError> {
  const code = codeOf(error);
  if (nameIsStale.has(code)) {
    return new VaultError(
      'UserErrorSchemaChangedDuringBackup',
      { detail: messageOf(error).slice(0, 200) },
      { cause: error },
    );
  }
  if (!lockNotGranted.has(code)) throw error;
  const [holder] = await session.query<{ name: string; pid: number }>(
    `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, l.pid
       FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE l.mode = 'AccessExclusiveLock' AND l.relation = ANY ($1::pg_catalog.oid[])
        AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
      ORDER BY l.granted DESC LIMIT 1`,
    [tables.map((table) => table.oid)],
  );
  const detail =
    holder === undefined ? 'it was released again' : `session ${String(holder.pid)} holds or waits for ${holder.name}`;
  return new VaultError('UserErrorLockNotGranted', { seconds, detail }, { cause: error });
}
