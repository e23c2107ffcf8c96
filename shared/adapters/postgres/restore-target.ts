import { VaultError } from '../../domain/errors.ts';
import type { Connection, RestoreTarget } from '../../ports.ts';
import type { PostgresClients } from './clients.ts';
import type { PostgresAdapterOptions } from './dump-source.ts';
import { dropDatabase, withMaintenance } from './maintenance.ts';
import type { ServerAccess } from './maintenance.ts';
import { namedError, serverOf } from './pg-errors.ts';
import { identifier } from './quoting.ts';
import { runRestore } from './restore-run.ts';
import { oidOf } from './scratch-database.ts';
import type { Session } from './session.ts';

type Wanted = Parameters<RestoreTarget['check']>[1];

/** RestoreTarget on the stock pg_restore. */
export function createRestoreTarget(options: PostgresAdapterOptions): RestoreTarget {
  const access = (connection: Connection): ServerAccess => ({
    connection,
    applicationName: 'ltr-vault/restore',
    ...(options.clients.caFile === undefined ? {} : { caFile: options.clients.caFile }),
  });
  const named = async <T>(connection: Connection, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw namedError(error, { connection, database: connection.database, purpose: 'restore' });
    }
  };
  return {
    check: (connection, wanted) =>
      named(
        connection,
        withMaintenance(access(connection), (session) => checkTarget(session, connection, wanted, options.clients)),
      ),
    restore: (request) => runRestore(request, options),
    databaseOid: (connection, database) =>
      named(
        connection,
        withMaintenance(access(connection), (session) => oidOf(session, database)),
      ),
    dropScratch: (connection, scratchDatabase) => named(connection, dropDatabase(access(connection), scratchDatabase)),
  };
}

async function checkTarget(
  session: Session,
  connection: Connection,
  wanted: Wanted,
  clients: PostgresClients,
): Promise<Awaited<ReturnType<RestoreTarget['check']>>> {
  refuseLongName(wanted.database);
  if (session.serverMajor < wanted.sourceMajor) throw new VaultError('UserErrorRestoreToLowerVersion');
  clients.fitting(session.serverMajor, wanted.sourceMajor);
  const [facts] = await session.query<{ taken: boolean; standby: boolean; creator: boolean; role: string }>(
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_database d WHERE d.datname = $1) AS taken,
            pg_catalog.pg_is_in_recovery() AS standby, r.rolcreatedb OR r.rolsuper AS creator, r.rolname::text AS role
       FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER`,
    [wanted.database],
  );
  if (facts === undefined) throw new Error('the current role is not in pg_roles');
  if (facts.taken) throw new VaultError('UserErrorDatabaseNameAlreadyInUse');
  if (facts.standby) throw new VaultError('UserErrorRestoreFailed', { detail: 'the server is a standby' });
  if (!facts.creator) {
    const grants = `ALTER ROLE ${identifier(facts.role)} CREATEDB`;
    throw new VaultError('UserErrorMissingDBPermissions', { missing: 'CREATEDB on the server', grants });
  }
  return {
    server: serverOf(connection),
    serverMajor: session.serverMajor,
    missingExtensions: await missingExtensions(session, wanted.extensions),
  };
}

/** PostgreSQL cuts longer names off without an error: the database would then have another name than the one that was checked. */
function refuseLongName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes > 0 && bytes <= 63 && !name.includes('\0')) return;
  throw new VaultError('UserErrorInvalidResourceName', { kind: 'database', rule: 'it must have 1 to 63 bytes' });
}

async function missingExtensions(session: Session, wanted: Wanted['extensions']): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT w.name FROM pg_catalog.unnest($1::text[]) AS w(name)
      WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_available_extensions a WHERE a.name = w.name) ORDER BY 1`,
    [wanted.map((extension) => extension.name)],
  );
  return rows.map((row) => row.name);
}
