import type { HttpRequest } from '@azure/functions';
import type { Catalog } from '../shared/catalog/catalog.ts';
import { VaultError } from '../shared/domain/errors.ts';
import type { VaultRef } from '../shared/domain/ids.ts';
import type { AuditEntry } from '../shared/domain/records.ts';
import type { Clock, Log } from '../shared/ports.ts';
import type { Caller } from './auth/caller.ts';
import { vaultRefOf } from './call.ts';
import { paramsOf } from './request.ts';
import type { RequestIds } from './request.ts';
import type { Route } from './route.ts';

/** Longest path that is recorded; names have their own limits, so only a malformed request is cut. */
const maximumResource = 1000;

/** Adds the answer to an entry that was begun. */
export type FinishAudit = (status: number) => Promise<void>;

/**
 * Records who asks for a mutation, before it is made: a change that could not be recorded is not made. A path without a possible vault
 * name belongs to no vault's log and changes nothing, so it is only logged.
 * @throws VaultError when the entry cannot be written
 */
export async function beginAudit(
  edge: { readonly catalog: Catalog; readonly clock: Clock; readonly log: Log },
  route: Route,
  request: HttpRequest,
  { caller, ids }: { readonly caller: Caller; readonly ids: RequestIds },
): Promise<FinishAudit> {
  const { catalog, clock, log } = edge;
  const entry: AuditEntry = {
    at: clock().toISOString(),
    caller: caller.name,
    callerId: caller.id,
    operation: route.operation,
    resource: readablePath(request),
    correlationId: ids.correlationId,
  };
  const vault = auditedVault(request);
  if (!vault) {
    log.warn('a mutation of an impossible resource was asked for', { ...entry });
    return () => Promise.resolve();
  }
  await catalog.audit.begin(vault, entry, ids.requestId);
  return async (status) => {
    try {
      await catalog.audit.finish(vault, entry, ids.requestId, status);
    } catch (error) {
      // The entry itself is there, and the change has happened: an error answer would deny it.
      log.error('the answer could not be added to its audit entry', error, { ...entry, status });
    }
  };
}

function auditedVault(request: HttpRequest): VaultRef | undefined {
  try {
    return vaultRefOf({ param: paramsOf(request) });
  } catch (error) {
    if (error instanceof VaultError) return undefined;
    throw error;
  }
}

function readablePath(request: HttpRequest): string {
  const path = new URL(request.url).pathname.slice(0, maximumResource);
  try {
    return decodeURI(path);
  } catch {
    // Malformed percent-encoding, or cut in the middle of a character: recorded as it was sent.
    return path;
  }
}
