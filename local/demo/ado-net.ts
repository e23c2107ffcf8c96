import { parse } from '@tediousjs/connection-string';
import pg from 'pg';

/** What the walk-through and the tests need of an ADO.NET connection string to reach the same server themselves. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly sslMode: string;
}

/** @throws Error that names what is missing, never the value */
export function readAdoNet(text: string): ServerAddress {
  const fields = new Map<string, string>();
  for (const [key, value] of parse(text)) {
    if (value !== undefined && value !== null) fields.set(key.toLowerCase().replace(/[\s_]/g, ''), value);
  }
  const first = (...names: string[]): string | undefined => names.map((name) => fields.get(name)).find(Boolean);
  const needed = (what: string, ...names: string[]): string => {
    const value = first(...names);
    if (value === undefined) throw new Error(`the connection string names no ${what} (${names[0] ?? ''}=…)`);
    return value;
  };
  return {
    host: needed('server', 'server', 'host', 'datasource'),
    port: Number(first('port') ?? 5432),
    database: needed('database', 'database', 'initialcatalog', 'db'),
    user: needed('user', 'userid', 'username', 'user', 'uid'),
    password: needed('password', 'password', 'pwd'),
    sslMode: (first('sslmode') ?? 'prefer').toLowerCase().replace('-', ''),
  };
}

/**
 * Options of node-postgres for one database of the server. `prefer`, the default, is tried once: TLS when the server has it.
 * @returns a function, because the answer holds for every database of the server
 */
export async function connector(server: ServerAddress): Promise<(database: string) => pg.ClientConfig> {
  const { host, port, user, password, sslMode } = server;
  const plain = (database: string): pg.ClientConfig => ({ host, port, user, password, database });
  const unverified = (database: string): pg.ClientConfig => ({
    ...plain(database),
    ssl: { rejectUnauthorized: false },
  });
  if (sslMode === 'disable') return plain;
  if (sslMode === 'require') return unverified;
  if (sslMode.startsWith('verify')) return (database) => ({ ...plain(database), ssl: true });
  const client = new pg.Client(unverified(server.database));
  client.on('error', () => undefined); // Told by connect() below.
  try {
    await client.connect();
    await client.end();
    return unverified;
  } catch (error) {
    if (error instanceof Error && /does not support SSL/.test(error.message)) return plain;
    throw error;
  }
}
