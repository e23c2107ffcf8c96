import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';

/** The protocol of App Service and Functions ("REST endpoint reference" of their managed-identity page). */
export const MANAGED_IDENTITY_PATH = '/msi/token';
const API_VERSION = '2019-08-01';

export interface ManagedIdentity {
  readonly clientId: string;
  readonly clientSecret: string;
  /** What a caller must send as X-IDENTITY-HEADER. */
  readonly identityHeader: string;
  readonly tokenEndpoint: string;
}

const tokenResponse = z.object({ access_token: z.string(), expires_in: z.number().int().positive() });
const errorResponse = z.object({ error: z.string(), error_description: z.string().optional() });

/** Answers one request for a token of the app's own identity. */
export async function answerManagedIdentity(
  identity: ManagedIdentity,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refuse = (statusCode: number, message: string): void => send(response, statusCode, { statusCode, message });
  const query = new URL(request.url ?? '', 'http://127.0.0.1').searchParams;
  if (request.method !== 'GET') return refuse(405, 'Only GET is supported.');
  // The header is the credential: pages and proxies that can be talked into a request cannot add it.
  if (!sameSecret(request.headers['x-identity-header'], identity.identityHeader)) {
    return refuse(401, 'The X-IDENTITY-HEADER header is missing or wrong.');
  }
  if (query.get('api-version') !== API_VERSION) return refuse(400, `The api-version must be ${API_VERSION}.`);
  const resource = query.get('resource');
  if (resource === null || resource === '') return refuse(400, 'The resource is missing.');
  for (const id of ['client_id', 'principal_id', 'object_id', 'mi_res_id']) {
    const value = query.get(id);
    if (value !== null && !(id === 'client_id' && value === identity.clientId)) {
      return refuse(400, 'No such user-assigned identity.');
    }
  }

  const now = Math.floor(Date.now() / 1000);
  const answer = await fetch(identity.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: identity.clientId,
      client_secret: identity.clientSecret,
      resource,
    }),
  });
  const body: unknown = await answer.json();
  if (!answer.ok) {
    const { error, error_description: description } = errorResponse.parse(body);
    return refuse(400, `${error}: ${description ?? 'the token was refused'}`);
  }
  const token = tokenResponse.parse(body);
  send(response, 200, {
    access_token: token.access_token,
    expires_on: String(now + token.expires_in),
    resource,
    token_type: 'Bearer',
    client_id: identity.clientId,
  });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

function sameSecret(given: string | string[] | undefined, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return typeof given === 'string' && timingSafeEqual(digest(given), digest(expected));
}
