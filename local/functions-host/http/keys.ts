import { createHmac, timingSafeEqual } from 'node:crypto';
import { expandConnectionString } from '../storage/azure-storage.ts';

/** Keys of the host: the master key opens everything, the default key functions, the system key the Durable API. */
export interface HostKeys {
  master: string;
  default: string;
  durable: string;
}

/**
 * Derives the keys from the storage account's own key, so that they outlive restarts without being stored anywhere. Whoever can read the hub's state
 * could act on it anyway. FUNCTIONS_MASTER_KEY sets the master key instead.
 */
export function deriveKeys(connectionString: string, hub: string, masterKey?: string): HostKeys {
  const account = /AccountKey=([^;]+)/i.exec(expandConnectionString(connectionString))?.[1] ?? connectionString;
  const derive = (purpose: string): string =>
    createHmac('sha256', account).update(`functions-host ${hub} ${purpose}`).digest('base64url');
  return { master: masterKey ?? derive('master'), default: derive('default'), durable: derive('durable') };
}

export function keyMatches(given: string | undefined, accepted: readonly string[]): boolean {
  if (given === undefined) return false;
  const bytes = Buffer.from(given);
  return accepted.some((key) => {
    const expected = Buffer.from(key);
    return expected.length === bytes.length && timingSafeEqual(expected, bytes);
  });
}
