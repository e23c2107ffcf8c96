import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import { Client } from 'pg';
import type { QueryResultRow } from 'pg';
import type { Connection } from '../../ports.ts';
import { codeOf, messageOf } from './pg-errors.ts';
import { identifier, literal } from './quoting.ts';
import { sessionSettings } from './tool-environment.ts';

export interface SessionOptions {
  readonly connection: Connection;
  readonly database: string;
  readonly applicationName: string;
  readonly purpose: 'dump' | 'restore';
  readonly caFile?: string;
}

/** One connection to a server, with every setting that a role or database may have spoilt put right. Errors are node-postgres' own. */
export interface Session {
  readonly pid: number;
  /** server_version_num / 10000. */
  readonly serverMajor: number;
  readonly serverVersion: string;
  readonly isSuperuser: boolean;
  /** Rejects when the server closes the connection; never fulfils. */
  readonly lost: Promise<never>;
  query<T extends QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<T[]>;
  /** Closes the connection; safe to call twice and on a lost connection. */
  end(): Promise<void>;
}

/** Connects as the connection's sslmode says, as libpq would. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const client = await connect(options);
  const lost = new Promise<never>((_, reject) => {
    client.on('error', reject);
    client.on('end', () => reject(new Error('Connection terminated')));
  });
  // Most callers learn of a lost connection from their next query.
  lost.catch(() => undefined);
  try {
    let last: Promise<unknown> = Promise.resolve();
    // One after the other: node-postgres stops queueing for its callers in version 9.
    const query = <T extends QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<T[]> => {
      const rows = last.then(async () => (await client.query<T>(sql, [...values])).rows);
      last = rows.catch(() => undefined);
      return rows;
    };
    const [facts] = await query<{ pid: number; num: string; version: string; superuser: boolean }>(
      `SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.current_setting('server_version_num') AS num,
              pg_catalog.current_setting('server_version') AS version,
              pg_catalog.current_setting('is_superuser') = 'on' AS superuser`,
    );
    if (facts === undefined) throw new Error('the server did not say its version');
    const serverMajor = Math.floor(Number(facts.num) / 10_000);
    const settings = sessionSettings({ serverMajor, isSuperuser: facts.superuser, purpose: options.purpose });
    const all = { ...settings, search_path: '', row_security: 'off', timezone: 'UTC' };
    const sets = Object.entries(all).map(([name, value]) => `SET ${identifier(name)} = ${literal(value)}`);
    // One simple query: one round trip.
    await client.query(sets.join('; '));
    return {
      pid: facts.pid,
      serverMajor,
      serverVersion: facts.version.split(' ')[0] ?? facts.version,
      isSuperuser: facts.superuser,
      lost,
      query,
      end: () => endQuietly(client),
    };
  } catch (error) {
    await endQuietly(client);
    throw error;
  }
}

/** Runs work in a session that is closed afterwards. */
export async function withSession<T>(options: SessionOptions, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await openSession(options);
  try {
    return await work(session);
  } finally {
    await session.end();
  }
}

async function connect(options: SessionOptions): Promise<Client> {
  const attempts = await tlsAttempts(options.connection, options.caFile);
  for (const [index, ssl] of attempts.entries()) {
    const { connection } = options;
    const client = new Client({
      host: connection.host,
      port: connection.port,
      database: options.database,
      user: connection.user,
      password: connection.password.expose(),
      application_name: options.applicationName,
      connectionTimeoutMillis: 15_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000,
      ssl,
    });
    try {
      await client.connect();
      return client;
    } catch (error) {
      await endQuietly(client);
      // libpq tries the other way only when the server refuses this one, not when it cannot be reached.
      const otherWay = codeOf(error) === '28000' || /does not support SSL/i.test(messageOf(error));
      if (!otherWay || index === attempts.length - 1) throw error;
    }
  }
  throw new Error('no way to connect');
}

async function tlsAttempts(connection: Connection, caFile?: string): Promise<(false | ConnectionOptions)[]> {
  // `host` is what a certificate is verified against when the name is an address; node-postgres sets it for names only.
  const loose: ConnectionOptions = { rejectUnauthorized: false, host: connection.host };
  const strict = async (): Promise<ConnectionOptions> => ({
    rejectUnauthorized: true,
    host: connection.host,
    ...(caFile === undefined ? {} : { ca: await readFile(caFile) }),
  });
  switch (connection.sslMode) {
    case 'disable':
      return [false];
    case 'allow':
      return [false, loose];
    case 'prefer':
      return [loose, false];
    case 'require':
      return [loose];
    case 'verify-ca':
      return [{ ...(await strict()), checkServerIdentity: () => undefined }];
    case 'verify-full':
      return [await strict()];
  }
}

async function endQuietly(client: Client): Promise<void> {
  // A connection that is already gone cannot be closed; that is what was wanted.
  await client.end().catch(() => undefined);
}
