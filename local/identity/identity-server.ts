import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { close, listen } from '../services/listen.ts';
import { APP_PRINCIPAL, PRINCIPAL_NAMES, loadIdentityState } from './identity-state.ts';
import type { IdentityState, PrincipalName } from './identity-state.ts';
import { MANAGED_IDENTITY_PATH, answerManagedIdentity } from './managed-identity.ts';
import { createProvider } from './provider.ts';

export interface IdentityOptions {
  /** Keys and client secrets are kept here (0600), so that they outlive a restart. */
  readonly directory: string;
  /** Port on 127.0.0.1; a free one when not given. The issuer's name contains it. */
  readonly port?: number;
  /** Audience of the app's API. */
  readonly audience: string;
}

/** Clients of the app's API; each has the role of its name, `nobody` has none. */
export type ClientName = Exclude<PrincipalName, typeof APP_PRINCIPAL>;

export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly objectId: string;
}

export interface RunningIdentity {
  readonly port: number;
  readonly tenantId: string;
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUri: string;
  readonly tokenEndpoint: string;
  /** What a challenge names: Entra ID's `https://login.microsoftonline.com/<tenant>`. */
  readonly tenantUrl: string;
  readonly clients: Readonly<Record<ClientName, ClientCredentials>>;
  /** Object id of the app's managed identity. */
  readonly appObjectId: string;
  /** IDENTITY_ENDPOINT and IDENTITY_HEADER of the app. */
  readonly identityEndpoint: string;
  readonly identityHeader: string;
  stop(): Promise<void>;
}

/** Starts the OpenID issuer and the managed-identity endpoint on loopback. */
export async function startIdentity(options: IdentityOptions): Promise<RunningIdentity> {
  const state = await loadIdentityState(path.join(options.directory, 'identity.json'));
  // The issuer's name contains the port, so the provider can only be made once that is known.
  let answer: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => {
    response.writeHead(503).end();
  };
  const server = createServer((request, response) => answer(request, response));
  const port = await listen(server, options.port ?? 0);
  const origin = `http://127.0.0.1:${String(port)}`;
  const tenantUrl = `${origin}/${state.tenantId}`;
  const issuer = `${tenantUrl}/v2.0`;
  const tokenEndpoint = `${issuer}/token`;
  answer = router({ origin, issuer, tokenEndpoint, audience: options.audience }, state);
  return {
    port,
    tenantId: state.tenantId,
    issuer,
    audience: options.audience,
    jwksUri: `${issuer}/jwks`,
    tokenEndpoint,
    tenantUrl,
    clients: clientsOf(state),
    appObjectId: state.principals[APP_PRINCIPAL].objectId,
    identityEndpoint: `${origin}${MANAGED_IDENTITY_PATH}`,
    identityHeader: state.identityHeader,
    stop: () => close(server),
  };
}

interface Addresses {
  readonly origin: string;
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly audience: string;
}

function router(to: Addresses, state: IdentityState): (request: IncomingMessage, response: ServerResponse) => void {
  const provider = createProvider(to.issuer, to.audience, state);
  const openid = provider.callback();
  const prefix = new URL(to.issuer).pathname;
  const identity = {
    clientId: APP_PRINCIPAL,
    clientSecret: state.principals[APP_PRINCIPAL].clientSecret,
    identityHeader: state.identityHeader,
    tokenEndpoint: to.tokenEndpoint,
  };
  return (request, response) => {
    const url = request.url ?? '/';
    // A name that was pointed at 127.0.0.1 (DNS rebinding) must not make a browser talk to us.
    if (`http://${request.headers.host ?? ''}` !== to.origin) {
      response.writeHead(421).end();
    } else if (url.startsWith(`${prefix}/`)) {
      // The provider tells from originalUrl where it is mounted.
      void openid(Object.assign(request, { originalUrl: url, url: url.slice(prefix.length) }), response);
    } else if (url === MANAGED_IDENTITY_PATH || url.startsWith(`${MANAGED_IDENTITY_PATH}?`)) {
      answerManagedIdentity(identity, request, response).catch((error: unknown) => {
        console.error('managed identity:', error instanceof Error ? error.message : error);
        if (!response.headersSent) response.writeHead(500);
        response.end();
      });
    } else {
      response.writeHead(404).end();
    }
  };
}

function clientsOf(state: IdentityState): RunningIdentity['clients'] {
  const client = (name: PrincipalName): ClientCredentials => ({ clientId: name, ...state.principals[name] });
  return Object.fromEntries(
    PRINCIPAL_NAMES.filter((name) => name !== APP_PRINCIPAL).map((name) => [name, client(name)]),
  ) as Record<ClientName, ClientCredentials>;
}
