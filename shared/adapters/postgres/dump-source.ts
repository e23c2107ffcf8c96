import { VaultError } from '../../domain/errors.ts';
import type { ArchiveStore, Connection, DumpSource, Log, SourceFacts } from '../../ports.ts';
import { databaseFacts, lockBudget } from './catalogue.ts';
import type { PostgresClients } from './clients.ts';
import { runDump } from './dump-run.ts';
import { namedError, serverOf } from './pg-errors.ts';
import { missingPrivileges, refuseMissing } from './privileges.ts';
import { withSession } from './session.ts';
import type { Session } from './session.ts';

export interface PostgresAdapterOptions {
  readonly archive: ArchiveStore;
  readonly clients: PostgresClients;
  readonly log: Log;
  /** Name and version that reports carry. */
  readonly product?: string;
}

/** DumpSource on the stock client programs. */
export function createDumpSource(options: PostgresAdapterOptions): DumpSource {
  return {
    check: (connection) => checkSource(connection, options.clients),
    dump: (request) => runDump(request, options),
  };
}

async function checkSource(connection: Connection, clients: PostgresClients): Promise<SourceFacts> {
  const session = {
    connection,
    database: connection.database,
    applicationName: 'ltr-vault/check',
    purpose: 'dump' as const,
    ...(clients.caFile === undefined ? {} : { caFile: clients.caFile }),
  };
  try {
    return await withSession(session, (open) => checkSession(open, connection, clients));
  } catch (error) {
    throw namedError(error, { connection, database: connection.database, purpose: 'dump' });
  }
}

async function checkSession(session: Session, connection: Connection, clients: PostgresClients): Promise<SourceFacts> {
  const server = serverOf(connection);
  clients.fitting(session.serverMajor);
  refuseMissing(await missingPrivileges(session));
  const budget = await lockBudget(session);
  refuseTooManyLocks(budget, server);
  const facts = await databaseFacts(session, server);
  return {
    server,
    serverVersion: session.serverVersion,
    serverMajor: session.serverMajor,
    sizeBytes: facts.sizeBytes,
    relationCount: budget.relations,
    systemIdentifier: facts.systemIdentifier,
    databaseOid: facts.databaseOid,
  };
}

/** A dump locks every relation at once; beyond the lock table's size it fails with `out of shared memory`, after hours. */
export function refuseTooManyLocks(
  budget: { relations: number; capacity: number; slots: number },
  server: string,
): void {
  if (budget.relations <= budget.capacity) return;
  const needed = Math.ceil(budget.relations / budget.slots);
  const detail = `${String(budget.relations)} relations must be locked at once, the server has room for ${String(budget.capacity)}; set max_locks_per_transaction to at least ${String(needed)}`;
  throw new VaultError('UserErrorServerBusy', { server, detail });
}
