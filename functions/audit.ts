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

/**
 * Records who asked for a mutation and how it was answered. A path without a possible vault name belongs to no vault's log, so it is
 * only logged; so is an entry that could not be written: the change has happened, and an error answer would deny it.
 */
export async function recordAudit(
  edge: { readonly catalog: Catalog; readonly clock: Clock; readonly log: Log },
  route: Route,
  request: HttpRequest,
  outcome: { readonly caller: Caller; readonly status: number; readonly ids: RequestIds },
): Promise<void> {
  const entry: AuditEntry = {
    at: edge.clock().toISOString(),
    caller: outcome.caller.name,
    callerId: outcome.caller.id,
    operation: route.operation,
    resource: readablePath(request),
    status: outcome.status,
    correlationId: outcome.ids.correlationId,
  };
  const vault = auditedVault(request);
  if (!vault) {
    edge.log.warn('a mutation of an impossible resource was refused', { ...entry });
    return;
  }
  try {
    await edge.catalog.audit.record(vault, entry, outcome.ids.requestId);
  } catch (error) {
    edge.log.error('an audit entry could not be written', error, { ...entry });
  }
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
