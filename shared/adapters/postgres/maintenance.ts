import type { Connection } from '../../ports.ts';
import { codeOf } from './pg-errors.ts';
import { identifier } from './quoting.ts';
import { withSession } from './session.ts';
import type { Session } from './session.ts';

/** 3D000: there is no such database; 42501, 28000: the role may not connect to it; 55000: it takes no connections. */
const tryNext = new Set(['3D000', '42501', '28000', '55000']);

export interface ServerAccess {
  readonly connection: Connection;
  readonly applicationName: string;
  readonly caFile?: string;
}

/** Runs work in a session to a database from which others can be created, renamed and dropped. */
export async function withMaintenance<T>(access: ServerAccess, work: (session: Session) => Promise<T>): Promise<T> {
  const candidates = [...new Set(['postgres', access.connection.database, 'template1'])];
  for (const [index, database] of candidates.entries()) {
    let connected = false;
    try {
      return await withSession({ ...access, database, purpose: 'restore' }, (session) => {
        connected = true;
        return work(session);
      });
    } catch (error) {
      if (connected || !tryNext.has(codeOf(error)) || index === candidates.length - 1) throw error;
    }
  }
  throw new Error('no maintenance database');
}

/** Drops a database with everything that is connected to it. Does nothing when it does not exist. */
export async function dropDatabase(access: ServerAccess, name: string): Promise<void> {
  try {
    await withMaintenance(access, (session) => dropIn(session, name));
  } catch (error) {
    // 55006: a restored subscription still belongs to it.
    if (codeOf(error) !== '55006') throw error;
    await dropSubscriptions(access, name);
    await withMaintenance(access, (session) => dropIn(session, name));
  }
}

async function dropIn(session: Session, name: string): Promise<void> {
  if (session.serverMajor >= 13) {
    await session.query(`DROP DATABASE IF EXISTS ${identifier(name)} WITH (FORCE)`);
    return;
  }
  await session.query(
    'SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = $1',
    [name],
  );
  await session.query(`DROP DATABASE IF EXISTS ${identifier(name)}`);
}

async function dropSubscriptions(access: ServerAccess, database: string): Promise<void> {
  await withSession({ ...access, database, purpose: 'restore' }, async (session) => {
    const rows = await session.query<{ name: string }>(`
      SELECT s.subname::text AS name FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
       WHERE d.datname = pg_catalog.current_database()`);
    for (const { name } of rows) {
      // The slot on the publisher belongs to the source's subscription: it must survive.
      await session.query(`ALTER SUBSCRIPTION ${identifier(name)} DISABLE`);
      await session.query(`ALTER SUBSCRIPTION ${identifier(name)} SET (slot_name = NONE)`);
      await session.query(`DROP SUBSCRIPTION ${identifier(name)}`);
    }
  });
}
