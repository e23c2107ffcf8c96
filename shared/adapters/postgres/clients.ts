import { execFile } from 'node:child_process';
import { access, constants, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { VaultError } from '../../domain/errors.ts';
import type { ProcessGuard } from '../../pipeline/guarded-process.ts';
import { zstdReport } from '../../pipeline/zstd.ts';
import type { ZstdTool } from '../../pipeline/zstd.ts';

const run = promisify(execFile);
const environment = { PATH: '/usr/bin:/bin', LC_ALL: 'C' };
const systemDirs = ['/usr/local/bin', '/usr/bin', '/bin'];
const debianClients = '/usr/lib/postgresql';
const caBundles = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

/** One installed major of the PostgreSQL client programs. */
export interface ClientTools {
  readonly major: number;
  /** For instance `15.18`. */
  readonly version: string;
  readonly pgDump: string;
  readonly pgDumpall: string;
  readonly pgRestore: string;
}

/** The programs a mover runs, found once at start. */
export interface PostgresClients {
  /** Ascending by major. */
  readonly installed: readonly ClientTools[];
  readonly zstd: ZstdTool;
  readonly guard: ProcessGuard;
  /** PEM bundle that verify-ca and verify-full trust, for libpq and for our own sessions alike. */
  readonly caFile?: string;
  /**
   * The tools for a server: its own major when present, else the newest that is not older.
   * @throws VaultError UserErrorUnsupportedServerVersion
   */
  fitting(serverMajor: number, atLeast?: number): ClientTools;
}

export interface FindClientsOptions {
  /** Where the client programs are; when given, nowhere else is looked. */
  readonly binDirs?: readonly string[];
  /** The PATH to search after Debian's own folders, colon separated. */
  readonly searchPath?: string;
  readonly caFile?: string;
}

/**
 * Finds the installed client majors, zstd and setpriv.
 * @throws VaultError UserErrorMissingClientTool when no complete set of clients or no zstd is there
 */
export async function findClients(options: FindClientsOptions = {}): Promise<PostgresClients> {
  const path = (options.searchPath ?? '').split(':').filter((dir) => dir.startsWith('/'));
  const given = options.binDirs ?? [];
  const clientDirs = given.length > 0 ? given : [...(await debianDirs()), ...path, ...systemDirs];
  const installed = await findMajors(clientDirs);
  if (installed.length === 0) throw new VaultError('UserErrorMissingClientTool', { tool: 'pg_dump' });
  const toolDirs = [...given, ...path, ...systemDirs];
  const zstd = await firstExecutable('zstd', toolDirs);
  if (zstd === undefined) throw new VaultError('UserErrorMissingClientTool', { tool: 'zstd' });
  const setpriv = await firstExecutable('setpriv', toolDirs);
  const caFile = options.caFile ?? (await firstReadable(caBundles));
  return {
    installed,
    zstd: await probeZstd(zstd),
    guard: setpriv === undefined ? {} : { setpriv },
    ...(caFile === undefined ? {} : { caFile }),
    fitting: (serverMajor, atLeast = serverMajor) => fittingTools(installed, serverMajor, atLeast),
  };
}

/** Pure: which of the installed majors to use for a server, not older than `atLeast`. */
export function fittingTools(installed: readonly ClientTools[], serverMajor: number, atLeast: number): ClientTools {
  const usable = installed.filter((tools) => tools.major >= Math.max(serverMajor, atLeast));
  const own = usable.find((tools) => tools.major === serverMajor);
  const newest = usable.at(-1);
  const chosen = own ?? newest;
  if (chosen !== undefined) return chosen;
  throw new VaultError('UserErrorUnsupportedServerVersion', {
    version: Math.max(serverMajor, atLeast),
    newest: installed.at(-1)?.major ?? 'none',
  });
}

async function debianDirs(): Promise<string[]> {
  const majors = await readdir(debianClients).catch(() => []);
  return majors.map((major) => join(debianClients, major, 'bin'));
}

async function findMajors(dirs: readonly string[]): Promise<ClientTools[]> {
  const found = new Map<number, ClientTools>();
  for (const dir of new Set(dirs)) {
    const tools = await toolsIn(dir);
    if (tools !== undefined && !found.has(tools.major)) found.set(tools.major, tools);
  }
  return [...found.values()].toSorted((a, b) => a.major - b.major);
}

async function toolsIn(dir: string): Promise<ClientTools | undefined> {
  const [pgDump, pgDumpall, pgRestore] = ['pg_dump', 'pg_dumpall', 'pg_restore'].map((name) => join(dir, name));
  if (pgDump === undefined || pgDumpall === undefined || pgRestore === undefined) return undefined;
  if (!(await Promise.all([pgDump, pgDumpall, pgRestore].map(isExecutable))).every(Boolean)) return undefined;
  const version = /\(PostgreSQL\) (\d+)(\.\d+)?/.exec((await run(pgDump, ['--version'], { env: environment })).stdout);
  if (version?.[1] === undefined) return undefined;
  return { major: Number(version[1]), version: `${version[1]}${version[2] ?? ''}`, pgDump, pgDumpall, pgRestore };
}

async function probeZstd(program: string): Promise<ZstdTool> {
  const { stdout } = await run(program, ['--version'], { env: environment });
  const version = /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? 'unknown';
  const probe = run(program, ['-1', '-vv', '--no-progress', '-c'], { env: environment, encoding: 'buffer' });
  const text = 'a'.repeat(123_457);
  probe.child.stdin?.end(text);
  const stderr = (await probe).stderr.toString('utf8').split('\n');
  const end = { label: 'zstd', exitCode: 0, signal: null, stderr, stderrTruncated: false };
  return { program, version, exactReport: zstdReport(end)?.rawBytes === text.length };
}

async function firstExecutable(name: string, dirs: readonly string[]): Promise<string | undefined> {
  for (const dir of dirs) if (await isExecutable(join(dir, name))) return join(dir, name);
  return undefined;
}

async function firstReadable(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) if (await permits(file, constants.R_OK)) return file;
  return undefined;
}

const isExecutable = (file: string): Promise<boolean> => permits(file, constants.X_OK);

async function permits(file: string, mode: number): Promise<boolean> {
  try {
    await access(file, mode);
    return true;
  } catch {
    return false;
  }
}
