import { setTimeout as sleep } from 'node:timers/promises';
import type { DumpReport } from '../../domain/manifest.ts';
import type { JobWarning } from '../../domain/records.ts';
import { codeOf, messageOf } from './pg-errors.ts';
import { identifier, literal } from './quoting.ts';
import type { Session } from './session.ts';

const renameAttempts = 5;

/**
 * Creates an empty database like the one that was saved. A locale that the target does not know is replaced by C, which keeps the
 * data whole and changes only the order of sorting; that is returned as a warning.
 */
export async function createScratch(
  session: Session,
  name: string,
  saved: DumpReport['database'],
): Promise<JobWarning[]> {
  const create = `CREATE DATABASE ${identifier(name)} TEMPLATE template0 ENCODING ${literal(saved.encoding)}`;
  try {
    await session.query(`${create} ${localeClause(saved, session.serverMajor)}`);
    return [];
  } catch (error) {
    // 42809, 22023, 42704: a locale name or provider that this server does not have.
    if (
      !['42809', '22023', '42704', '0A000'].includes(codeOf(error)) ||
      !/local|provider|collat/i.test(messageOf(error))
    )
      throw error;
    await session.query(`${create} LC_COLLATE 'C' LC_CTYPE 'C'`);
    const name = saved.locale ?? saved.collate;
    return [
      { kind: 'LOCALE', name, detail: `${messageOf(error).slice(0, 200)}; the database was created with locale C` },
    ];
  }
}

function localeClause(saved: DumpReport['database'], serverMajor: number): string {
  const libc = `LC_COLLATE ${literal(saved.collate)} LC_CTYPE ${literal(saved.ctype)}`;
  if (saved.locale === undefined || saved.localeProvider === undefined) {
    return serverMajor >= 15 ? `LOCALE_PROVIDER libc ${libc}` : libc;
  }
  const option = saved.localeProvider === 'icu' ? 'ICU_LOCALE' : 'BUILTIN_LOCALE';
  return `LOCALE_PROVIDER ${saved.localeProvider} ${option} ${literal(saved.locale)} ${libc}`;
}

/** Oid of a database, which a rename does not change; undefined when there is none of that name. */
export async function oidOf(session: Session, name: string): Promise<number | undefined> {
  const [row] = await session.query<{ oid: string }>(
    'SELECT d.oid::text AS oid FROM pg_catalog.pg_database d WHERE d.datname = $1',
    [name],
  );
  return row && Number(row.oid);
}

/** Makes the database visible under its name. 42P04 means that somebody else has taken the name meanwhile. */
export async function renameDatabase(session: Session, from: string, to: string, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await session.query(`ALTER DATABASE ${identifier(from)} RENAME TO ${identifier(to)}`);
      return;
    } catch (error) {
      // 55006: our own session has not quite ended, or somebody looks into the database.
      if (codeOf(error) !== '55006' || attempt >= renameAttempts) throw error;
      await sleep(500, undefined, { signal });
    }
  }
}
