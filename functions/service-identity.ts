import { decodeJwt } from 'jose';
import type { Log } from '../shared/ports.ts';
import type { ServiceIdentity } from './call.ts';

/** After a failure the identity endpoint is left alone for so long: vaults are shown without a principal meanwhile. */
const retryMilliseconds = 60_000;

/**
 * The identity this service runs as. Its object id is in any access token of its own (`oid`), so one is asked for when a vault is first
 * shown; what cannot be told is left out, never made up.
 */
export function createServiceIdentity(options: {
  readonly tenantId: string;
  readonly ownToken: () => Promise<string | undefined>;
  readonly log: Log;
}): ServiceIdentity {
  let known: Promise<string | undefined> | undefined;
  let failedAt = -Infinity;
  const ask = async (): Promise<string | undefined> => {
    const token = await options.ownToken();
    const oid = token === undefined ? undefined : decodeJwt(token)['oid'];
    if (typeof oid !== 'string') throw new Error('The access token of this service names no object id.');
    return oid;
  };
  const forget = (error: unknown): undefined => {
    options.log.warn('the identity of this service could not be told', { error });
    known = undefined;
    failedAt = performance.now();
  };
  return {
    tenantId: options.tenantId,
    principalId: async () => {
      if (!known && performance.now() - failedAt < retryMilliseconds) return undefined;
      known ??= ask().catch(forget);
      return known;
    },
  };
}
