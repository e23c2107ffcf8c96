import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import pg from 'pg';
import { z } from 'zod';
import { bytes, seconds } from '../console-output.ts';
import type { RunningPostgres } from '../services/postgres.ts';
import { readStateFile, writeStateFile } from '../services/state-file.ts';
import { connector, readAdoNet } from './ado-net.ts';
import { ensureDemoDatabase, withClient } from './demo-database.ts';
import { serverPath } from './requests.ts';
import type { VaultPath } from './requests.ts';

/** The database that `npm start` protects: the demo, or the user's own. */
export interface Source {
  readonly description: string;
  readonly database: string;
  readonly bytes: number;
  readonly instanceName: string;
  readonly secretName: string;
  /** Connection string that goes into Key Vault. */
  readonly adoNet: string;
  readonly connect: (database: string) => pg.ClientConfig;
  /** ARM id of its server, below the vault's subscription and group. */
  readonly serverId: (vault: VaultPath) => string;
  /** Whether nobody else writes to it. */
  readonly isStill: boolean;
}

const DEMO_DATABASE = 'shop';
/** Owns the demo database and may create others, as the documentation asks of a backup user; no superuser. */
const DEMO_ROLE = 'vault_backup';

/** The demo database on the local server, made when it is not there. */
export async function demoSource(
  server: RunningPostgres,
  stateDirectory: string,
  megabytes: number,
  onProgress: (what: string) => void,
): Promise<Source> {
  const { host, port, superuser, password: superuserPassword } = server;
  const admin = { host, port, user: superuser, password: superuserPassword, database: 'postgres' };
  const password = await demoPassword(path.join(stateDirectory, 'demo-role.json'));
  await withClient(admin, async (client) => {
    const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [DEMO_ROLE]);
    const verb = rowCount === 0 ? 'CREATE' : 'ALTER';
    await client.query(`${verb} ROLE ${DEMO_ROLE} LOGIN CREATEDB PASSWORD ${pg.escapeLiteral(password)}`);
  });
  const demo = await ensureDemoDatabase({ admin, database: DEMO_DATABASE, owner: DEMO_ROLE, megabytes, onProgress });
  const made = demo.created ? `made in ${seconds(demo.seconds * 1000)}` : 'made by an earlier run';
  return {
    description: `demo database ${DEMO_DATABASE}: ${bytes(demo.bytes)}, ${made}`,
    database: DEMO_DATABASE,
    bytes: demo.bytes,
    instanceName: 'demo-server-shop',
    secretName: 'demo-database',
    adoNet: `Server=${host};Port=${String(port)};Database=${DEMO_DATABASE};User Id=${DEMO_ROLE};Password=${password};SslMode=Disable`,
    connect: (database) => ({ host, port, user: DEMO_ROLE, password, database }),
    serverId: (vault) => serverPath(vault, 'demo-server'),
    isStill: true,
  };
}

/** The user's own database. @throws Error when the string is unusable or the server does not answer */
export async function ownSource(adoNet: string): Promise<Source> {
  const server = readAdoNet(adoNet);
  const connect = await connector(server);
  const size = await withClient(connect(server.database), async (client) => {
    const { rows } = await client.query<{ bytes: string }>('SELECT pg_database_size(current_database()) AS bytes');
    return Number(rows[0]?.bytes);
  });
  // One name for each database, whatever characters its own name has.
  const hash = createHash('sha256')
    .update(`${server.host}:${String(server.port)}/${server.database}`)
    .digest('hex')
    .slice(0, 10);
  const readable = `${server.host}-${server.database}`
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 60);
  return {
    description: `your database ${server.database} on ${server.host}: ${bytes(size)}`,
    database: server.database,
    bytes: size,
    instanceName: `${readable}-${hash}`,
    secretName: `own-${hash}`,
    adoNet,
    connect,
    serverId: (vault) => serverPath(vault, `own-${hash}`),
    isStill: false,
  };
}

async function demoPassword(file: string): Promise<string> {
  const schema = z.object({ password: z.string().min(20) });
  const known = await readStateFile(file, schema);
  if (known !== undefined) return known.password;
  const password = randomBytes(24).toString('base64url');
  await writeStateFile(file, { password });
  return password;
}
