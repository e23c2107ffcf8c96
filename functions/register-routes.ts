import { app } from '@azure/functions';
import type { HttpMethod, HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import { createDurableStarter } from './durable-starter.ts';
import { createEndpoint } from './endpoint.ts';
import type { Edge } from './endpoint.ts';
import type { Route } from './route.ts';
import { routes, unmatched } from './routes.ts';

/** Binds the routes to the host. The host checks no key: every endpoint checks the token itself. */
export function registerRoutes(edge: Edge): void {
  for (const route of routes) bind(edge, route, [route.method]);
  bind(edge, unmatched, ['GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);
  // Without a function of this route the host answers `/` with a page of its own.
  app.http('root', { route: '{x:maxlength(0)?}', methods: ['GET'], authLevel: 'anonymous', handler: rootPage });
}

function bind(edge: Edge, route: Route, methods: HttpMethod[]): void {
  const durableClient = df.input.durableClient();
  const endpoint = createEndpoint(edge, route);
  app.http(route.name, {
    route: route.template,
    methods,
    authLevel: 'anonymous',
    extraInputs: [durableClient],
    handler: (request: HttpRequest, context: InvocationContext): Promise<HttpResponseInit> =>
      endpoint(
        request,
        createDurableStarter(() => df.getClient(context)),
      ),
  });
}

/** The only answer that needs no token: what this is and where to go on. */
export const rootPage = (): HttpResponseInit => ({
  status: 200,
  headers: { 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' },
  jsonBody: {
    service: 'LTR Vault for PostgreSQL',
    contract: 'Microsoft.DataProtection (any api-version)',
    operations: '/providers/Microsoft.DataProtection/operations?api-version=2024-04-01',
    vaults: '/subscriptions/{subscriptionId}/providers/Microsoft.DataProtection/backupVaults?api-version=2024-04-01',
    authorization: 'Send a bearer token of the configured issuer.',
  },
});
