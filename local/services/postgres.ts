import { spawn } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { chmod, chown, mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { commandLine, hasExited, isAlive, stopChild } from './child-process.ts';
import { freePort } from './free-port.ts';
import { findPostgresBinaries, run, serverAccount } from './postgres-binaries.ts';
import type { ServerAccount } from './postgres-binaries.ts';

const STARTUP_MS = 90_000;
const STOP_MS = 60_000;

export interface PostgresOptions {
  /** The cluster is made in `<directory>/data`; as root, the postgres user must be able to traverse the parents. */
  readonly directory: string;
  /** Port on 127.0.0.1; a free one when not given. */
  readonly port?: number;
  /** Folder of initdb and postgres; the newest below /usr/lib/postgresql when not given. */
  readonly binDir?: string;
  /** Password of the superuser `postgres`, set when the cluster is made. */
  readonly password: string;
  /** Server settings for this run, for example `{ fsync: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RunningPostgres {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly superuser: 'postgres';
  readonly password: string;
  readonly binDir: string;
  readonly pid: number;
  /** Fast shutdown: sessions are ended, everything committed is kept. */
  stop(): Promise<void>;
}

/**
 * Starts PostgreSQL on 127.0.0.1, making the cluster first when there is none (scram-sha-256, UTF8, C.UTF-8, data
 * checksums), and waits until it accepts the password. It ends with the process that started it; a server that an
 * earlier run left behind in the same directory is stopped first. As root it runs as the user `postgres`.
 * @throws Error with the end of the server's log when it does not come up, or when no server binaries are installed.
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const binDir = options.binDir ?? (await findPostgresBinaries());
  const account = await serverAccount();
  const directory = path.resolve(options.directory);
  const data = path.join(directory, 'data');
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o700);
  if (account !== undefined) await chown(directory, account.uid, account.gid);

  await makeCluster(directory, binDir, options.password, account);
  await stopLeftoverPostgres(directory, binDir);
  const port = options.port ?? (await freePort());
  const logFile = path.join(directory, 'postgres.log');
  const server = await spawnServer({
    binDir,
    data,
    directory,
    port,
    logFile,
    settings: options.settings ?? {},
    account,
  });
  const watcher = stopWithParent(server, account);
  try {
    await waitForServer(server, port, options.password, logFile);
  } catch (error) {
    watcher.kill('SIGKILL');
    if (!hasExited(server)) await stopChild(server, 'PostgreSQL', 'SIGQUIT', STOP_MS);
    throw error;
  }
  return {
    host: '127.0.0.1',
    port,
    superuser: 'postgres',
    password: options.password,
    binDir,
    pid: server.pid ?? 0,
    async stop() {
      watcher.kill('SIGKILL');
      await stopChild(server, 'PostgreSQL', 'SIGINT', STOP_MS);
    },
  };
}

/** initdb into an empty folder; a folder that a killed initdb left half made is made again. */
async function makeCluster(
  directory: string,
  binDir: string,
  password: string,
  account: ServerAccount | undefined,
): Promise<void> {
  const data = path.join(directory, 'data');
  const complete = path.join(directory, 'cluster-complete');
  if (await exists(complete)) return;
  await rm(data, { recursive: true, force: true });
  const passwordFile = path.join(directory, 'initdb-password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account !== undefined) await chown(passwordFile, account.uid, account.gid);
  try {
    await run(
      path.join(binDir, 'initdb'),
      [
        ...['-D', data, '-U', 'postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
        ...['--encoding=UTF8', '--locale=C.UTF-8', '--data-checksums', '--no-instructions'],
      ],
      account,
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
  await writeFile(complete, '');
}

/** Stops the server that an earlier run left behind in this directory, and waits until it has ended. */
export async function stopLeftoverPostgres(directory: string, binDirectory?: string): Promise<void> {
  const data = path.join(path.resolve(directory), 'data');
  const pidFile = path.join(data, 'postmaster.pid');
  if (!(await exists(pidFile))) return;
  const pid = Number((await readFile(pidFile, 'utf8')).split('\n')[0]);
  const command = await commandLine(pid);
  if (isAlive(pid) && command !== undefined && !command.includes(data)) {
    // The id belongs to another program by now, which pg_ctl would signal and for which the server would not start.
    await rm(pidFile);
    return;
  }
  const pgCtl = path.join(binDirectory ?? (await findPostgresBinaries()), 'pg_ctl');
  const account = await serverAccount();
  // `status` answers 0 for a running server and 3 for a stale file; the server itself clears a stale file.
  const status = await run(pgCtl, ['status', '-D', data], account, [0, 3]);
  if (status === 0) await run(pgCtl, ['stop', '-D', data, '-m', 'fast', '-w', '-t', String(STOP_MS / 1000)], account);
}

interface ServerProcess {
  readonly binDir: string;
  readonly data: string;
  readonly directory: string;
  readonly port: number;
  readonly logFile: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly account: ServerAccount | undefined;
}

async function spawnServer(server: ServerProcess): Promise<ChildProcess> {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(server.port),
    // A socket path is limited to about 100 bytes; the directory is for us alone (0700), nothing global is touched.
    unix_socket_directories: server.directory.length < 80 ? server.directory : '',
    password_encryption: 'scram-sha-256',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...server.settings,
  };
  const log = await open(server.logFile, 'w', 0o600);
  try {
    const child = spawn(
      path.join(server.binDir, 'postgres'),
      ['-D', server.data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      { ...as(server.account), cwd: server.directory, stdio: ['ignore', log.fd, log.fd], detached: true },
    );
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    return child;
  } finally {
    await log.close();
  }
}

/**
 * A shell that waits on a pipe from us: when we end without having stopped the server, the pipe closes and the shell
 * asks the server for a fast shutdown. It runs as the server's own user and is ended before a regular stop.
 */
function stopWithParent(server: ChildProcess, account: ServerAccount | undefined): ChildProcess {
  const watcher = spawn('/bin/sh', ['-c', 'read -r _; kill -s INT "$1"', 'sh', String(server.pid)], {
    ...as(account),
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  server.once('exit', () => watcher.kill('SIGKILL'));
  return watcher;
}

async function waitForServer(server: ChildProcess, port: number, password: string, logFile: string): Promise<void> {
  const deadline = performance.now() + STARTUP_MS;
  for (;;) {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password, database: 'postgres' });
    client.on('error', () => undefined); // Reported by connect() below.
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const code = (error as { code?: string }).code;
      const log = async (): Promise<string> => (await readFile(logFile, 'utf8')).trim().slice(-800);
      if (code === '28P01') throw new Error('PostgreSQL runs, but its cluster was made with another password');
      if (hasExited(server)) throw new Error(`PostgreSQL ended while starting: ${await log()}`);
      if (performance.now() > deadline) throw new Error(`PostgreSQL is not up after 90 s (${reason}): ${await log()}`);
      await sleep(50);
    }
  }
}

const as = (account: ServerAccount | undefined): Pick<SpawnOptions, 'uid' | 'gid'> =>
  account === undefined ? {} : { uid: account.uid, gid: account.gid };

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
