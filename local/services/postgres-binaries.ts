import { execFile } from 'node:child_process';
import { access, readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const DEBIAN_ROOT = '/usr/lib/postgresql';

/** The account a server runs under; PostgreSQL refuses to run as root. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The folder of the newest installed PostgreSQL server (Debian's layout, one folder per major version).
 * @throws Error that says what to install.
 */
export async function findPostgresBinaries(root = DEBIAN_ROOT): Promise<string> {
  const majors = (await readdir(root).catch(() => [])).map(Number).filter(Number.isInteger);
  for (const major of majors.sort((a, b) => b - a)) {
    const binDir = path.join(root, String(major), 'bin');
    if (
      await access(path.join(binDir, 'initdb')).then(
        () => true,
        () => false,
      )
    )
      return binDir;
  }
  throw new Error(`no PostgreSQL server below ${root}: install it, for example with "apt-get install postgresql"`);
}

/** The account `postgres` when we are root, else undefined: the server then runs as we do. */
export async function serverAccount(): Promise<ServerAccount | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const id = async (flag: string): Promise<number> => Number((await execute('id', [flag, 'postgres'])).stdout.trim());
  return { uid: await id('-u'), gid: await id('-g') };
}

/**
 * Runs a PostgreSQL tool to its end and returns its exit code.
 * @throws Error with the tool's messages when the code is not one of `expected`.
 */
export async function run(
  file: string,
  args: readonly string[],
  account: ServerAccount | undefined,
  expected: readonly number[] = [0],
): Promise<number> {
  try {
    // Messages are read by people and by pg_ctl's callers: no translation. cwd: one the account may enter.
    await execute(file, [...args], { ...account, cwd: '/', env: { ...process.env, LC_ALL: 'C.UTF-8' } });
    return 0;
  } catch (error) {
    const { code, stderr, stdout } = error as { code?: unknown; stderr?: string; stdout?: string };
    if (typeof code === 'number' && expected.includes(code)) return code;
    throw new Error(
      `${path.basename(file)} failed: ${(stderr ?? '').trim() || (stdout ?? '').trim() || String(code)}`,
      {
        cause: error,
      },
    );
  }
}
