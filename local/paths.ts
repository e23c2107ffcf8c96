import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout: the folder of package.json, which is also the app folder that a host loads. */
export const repositoryRoot = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/**
 * Where the local services keep what must outlive a restart. Never below the app folder: hosts watch that and would
 * restart. Each checkout has its own. LTRVAULT_STATE_DIR names another place; root's is one that the user `postgres`
 * can reach, as the server runs under that account.
 */
export function stateDirectory(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const given = env['LTRVAULT_STATE_DIR'];
  if (given !== undefined && given !== '') return path.resolve(given);
  const hash = createHash('sha256').update(repositoryRoot).digest('hex').slice(0, 8);
  const own = `${path.basename(repositoryRoot)}-${hash}`;
  if (process.getuid?.() === 0) return path.join('/var/lib/ltr-vault', own);
  const xdg = env['XDG_STATE_HOME'];
  // The XDG specification: a value that is not absolute is ignored.
  const base = xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(homedir(), '.local', 'state');
  return path.join(base, 'ltr-vault', own);
}
