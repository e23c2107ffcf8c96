import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import type { OrchestrationStarter } from '../orchestrations/starter.ts';
import type { Catalog } from '../shared/catalog/catalog.ts';
import { VaultError, errorRecord } from '../shared/domain/errors.ts';
import type { Clock, Log } from '../shared/ports.ts';
import { beginAudit } from './audit.ts';
import type { FinishAudit } from './audit.ts';
import type { Authenticate } from './auth/authenticate.ts';
import { requireRole } from './auth/caller.ts';
import type { Caller } from './auth/caller.ts';
import type { Answer, Call, ServiceIdentity } from './call.ts';
import { bodyOf, idsOf, paramsOf, queryOf } from './request.ts';
import type { RequestIds } from './request.ts';
import type { Route } from './route.ts';
import { errorBody } from './wire/error-body.ts';

/** What every endpoint shares; values, not globals. */
export interface Edge {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly log: Log;
  readonly authenticate: Authenticate;
  readonly identity: ServiceIdentity;
  /** Where tokens come from, told to those who bring none. */
  readonly issuer: string;
  /** Scheme and host that clients reach this service by; undefined: as the request says. */
  readonly publicBaseUrl?: string;
}

export type Endpoint = (request: HttpRequest, starter: OrchestrationStarter) => Promise<HttpResponseInit>;

/**
 * Wraps a route: who calls, may they, is the request well-formed, then the handler; whatever is thrown becomes the ARM error envelope.
 * Every request for a mutation by a known caller leaves an audit entry, written before anything else happens, refused ones too.
 */
export function createEndpoint(edge: Edge, route: Route): Endpoint {
  return async (request, starter) => {
    const ids = idsOf(request);
    try {
      return render(await serve(edge, route, request, starter, ids), ids, edge);
    } catch (error) {
      // Last resort: the error handling itself failed. Nothing here may throw.
      edge.log.error('the endpoint failed', error, { route: route.name, correlationId: ids.correlationId });
      return render(failure(error, ids), ids, edge);
    }
  };
}

async function serve(
  edge: Edge,
  route: Route,
  request: HttpRequest,
  starter: OrchestrationStarter,
  ids: RequestIds,
): Promise<Answer> {
  let finishAudit: FinishAudit | undefined;
  let answer: Answer;
  try {
    const caller = await edge.authenticate(request.headers.get('authorization'));
    if (route.mutation) finishAudit = await beginAudit(edge, route, request, { caller, ids });
    requireRole(caller, route.role, route.operation);
    const call = await readCall(edge, route, request, caller, ids);
    const { catalog, clock, log, identity } = edge;
    answer = await route.handler(call, { catalog, clock, log, identity, starter });
  } catch (error) {
    answer = failure(error, ids);
    if (answer.status >= 500) {
      edge.log.error('a request failed', error, { route: route.name, correlationId: ids.correlationId });
    }
  }
  await finishAudit?.(answer.status);
  return answer;
}

async function readCall(
  edge: Edge,
  route: Route,
  request: HttpRequest,
  caller: Caller,
  ids: RequestIds,
): Promise<Call> {
  const query = queryOf(request);
  const apiVersion = query('api-version') ?? '';
  if (apiVersion === '' && !route.versionless) throw new VaultError('MissingApiVersionParameter');
  const body = route.body === 'required' ? await bodyOf(request) : undefined;
  if (route.body === 'required' && body === undefined) {
    throw new VaultError('UserErrorInvalidRequestContent', { detail: 'the body is missing.' });
  }
  const url = new URL(request.url);
  return {
    method: request.method,
    path: url.pathname,
    origin: edge.publicBaseUrl ?? url.origin,
    apiVersion,
    param: paramsOf(request),
    query,
    ifMatch: request.headers.get('if-match') ?? undefined,
    ifNoneMatch: request.headers.get('if-none-match') ?? undefined,
    body,
    caller,
    correlationId: ids.correlationId,
    now: edge.clock(),
  };
}

function failure(error: unknown, ids: RequestIds): Answer {
  const record = errorRecord(error, ids.correlationId);
  const status = error instanceof VaultError ? error.spec.status : 500;
  return {
    status,
    body: errorBody(record, ids.correlationId),
    headers: {
      'x-ms-error-code': record.code,
      'content-language': 'en-US',
      ...(status === 503 && { 'retry-after': '10' }),
      ...(error instanceof VaultError && typeof error.facts['allowed'] === 'string' && status === 405
        ? { allow: error.facts['allowed'] }
        : {}),
    },
  };
}

const render = (answer: Answer, ids: RequestIds, edge: Edge): HttpResponseInit => ({
  status: answer.status,
  ...(answer.body === undefined ? {} : { body: JSON.stringify(answer.body) }),
  headers: {
    ...(answer.body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'x-ms-request-id': ids.requestId,
    'x-ms-correlation-request-id': ids.correlationId,
    ...(ids.clientRequestId === undefined ? {} : { 'x-ms-client-request-id': ids.clientRequestId }),
    ...(answer.status === 401 && { 'www-authenticate': `Bearer authorization_uri="${edge.issuer}"` }),
    ...answer.headers,
  },
});
