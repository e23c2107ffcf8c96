import { HttpRequest } from '@azure/functions';
import { afterAll, beforeAll, expect } from 'vitest';
import { createAuthenticate } from '../../functions/auth/authenticate.ts';
import type { Role } from '../../functions/auth/caller.ts';
import { createEndpoint } from '../../functions/endpoint.ts';
import type { Edge } from '../../functions/endpoint.ts';
import { fitsTemplate } from '../../functions/route.ts';
import type { Route } from '../../functions/route.ts';
import { routes, unmatched } from '../../functions/routes.ts';
import { createMemoryRowStore } from '../../shared/adapters/memory/row-store.ts';
import { createCatalog } from '../../shared/catalog/catalog.ts';
import type { Catalog } from '../../shared/catalog/catalog.ts';
import { createFakeStarter } from '../support/fake-starter.ts';
import type { FakeStarter } from '../support/fake-starter.ts';
import { hasReference, loadContract } from '../support/openapi.ts';
import { startIssuer } from './tokens.ts';
import type { TestIssuer } from './tokens.ts';

/** The edge in process: real routes, real tokens, real catalogue over memory rows. Every exchange is held to the published contract. */

export type Json = Record<string, unknown>;

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Json;
}

export interface SendOptions {
  readonly body?: unknown;
  /** Sent as they are, in place of the JSON of `body`. */
  readonly bytes?: string | Uint8Array;
  readonly role?: Role;
  /** In place of a token of `role`; null sends none. */
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** False for a path without api-version. */
  readonly apiVersion?: string | false;
}

export interface Harness {
  readonly catalog: Catalog;
  readonly starter: FakeStarter;
  readonly issuer: TestIssuer;
  readonly logged: { readonly level: string; readonly message: string; readonly error?: unknown }[];
  /** What the endpoints see as now. */
  now: Date;
  send(method: string, path: string, options?: SendOptions): Promise<Reply>;
  /** Reads a resource by the URL of a header or nextLink. */
  follow(url: string | undefined, options?: SendOptions): Promise<Reply>;
}

const contract = hasReference ? loadContract() : undefined;

const templateValues = (template: string, path: string): Record<string, string> => {
  const segments = path.replace(/^\/+|\/+$/g, '').split('/');
  const named = template
    .split('/')
    .map((part, index) => [/^\{(\w+)\}$/.exec(part)?.[1], segments[index] ?? ''] as const);
  return Object.fromEntries(named.flatMap(([name, value]) => (name === undefined ? [] : [[name, decoded(value)]])));
};

/** As the host does it; a malformed escape stays. */
const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment.replaceAll('%2F', '%252F'));
  } catch {
    return segment;
  }
};

/** Fresh state for each test file; `overrides` replaces parts of the edge. */
export function useHarness(overrides: Partial<Edge> = {}): Harness {
  let issuer: TestIssuer | undefined;
  const catalog = createCatalog(createMemoryRowStore());
  const starter = createFakeStarter();
  const logged: Harness['logged'] = [];
  beforeAll(async () => {
    issuer = await startIssuer();
  });
  afterAll(() => issuer?.stop());

  const required = (): TestIssuer => {
    if (!issuer) throw new Error('The issuer has not been started.');
    return issuer;
  };
  let edge: Edge | undefined;
  const edgeOf = (): Edge => {
    edge ??= {
      catalog,
      clock: () => harness.now,
      log: {
        info: (message) => logged.push({ level: 'info', message }),
        warn: (message) => logged.push({ level: 'warn', message }),
        error: (message, error) => logged.push({ level: 'error', message, error }),
      },
      issuer: required().issuer,
      authenticate: createAuthenticate(required(), () => new Date()),
      identity: {
        tenantId: '72f988bf-86f1-41af-91ab-2d7cd011db47',
        principalId: async () => '1d213bec-375f-4f72-9b0a-10cf6111f67c',
      },
      ...overrides,
    };
    return edge;
  };

  const harness: Harness = {
    catalog,
    starter,
    get issuer() {
      return required();
    },
    logged,
    now: new Date('2026-03-10T12:00:00.000Z'),
    async send(method, pathAndQuery, options = {}) {
      const [path = '', query] = pathAndQuery.split('?', 2);
      const route =
        routes.find((candidate) => candidate.method === method && fitsTemplate(candidate.template, path)) ?? unmatched;
      const version = options.apiVersion === false ? [] : [`api-version=${options.apiVersion ?? '2024-04-01'}`];
      const queries = [...(query === undefined ? [] : [query]), ...(query?.includes('api-version') ? [] : version)];
      const token =
        options.token === undefined
          ? await required().token({ roles: [options.role ?? 'Backup.Contributor'] })
          : options.token;
      const request = requestOf(method, path, queries.join('&'), route, token, options);
      const response = await createEndpoint(edgeOf(), route)(request, starter);
      const reply = replyOf(response);
      holdToContract(method, path, options, reply);
      return reply;
    },
    follow: (url, options) => {
      if (url === undefined) throw new Error('There is no URL to follow.');
      return harness.send('GET', url.replace('https://vault.example.org', ''), options);
    },
  };
  return harness;
}

function requestOf(
  method: string,
  path: string,
  query: string,
  route: Route,
  token: string | null,
  options: SendOptions,
): HttpRequest {
  const content = options.bytes ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return new HttpRequest({
    method,
    url: `https://vault.example.org${path}${query === '' ? '' : `?${query}`}`,
    params: templateValues(route.template, path),
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(bytes ? { 'content-type': 'application/json' } : {}),
      ...options.headers,
    },
    ...(bytes ? { body: { bytes } } : {}),
  });
}

function replyOf(response: Awaited<ReturnType<ReturnType<typeof createEndpoint>>>): Reply {
  const headers = response.headers as Record<string, string>;
  const text = typeof response.body === 'string' ? response.body : '';
  return {
    status: response.status ?? 200,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    body: text === '' ? {} : (JSON.parse(text) as Json),
  };
}

/** A request that was accepted and every answer must fit the contract; an error must be the envelope. */
function holdToContract(method: string, path: string, options: SendOptions, reply: Reply): void {
  if (reply.status >= 400) expectEnvelope(reply);
  if (!contract?.pathOf(method, path)) return;
  const faults = contract.responseFaults(method, path, reply.status, reply.body);
  if (reply.status < 400 && options.body !== undefined)
    faults.push(...contract.requestFaults(method, path, options.body));
  expect(faults).toEqual([]);
}

/** The ARM error envelope, the same in body and header. */
export function expectEnvelope(reply: Reply): void {
  const error = reply.body['error'] as Json;
  const [first] = error['additionalInfo'] as { type: string; info: Json }[];
  expect(first).toMatchObject({ type: 'UserFacingError', info: { code: error['code'], message: error['message'] } });
  expect(first?.info['recommendedAction']).toEqual([expect.any(String)]);
  expect(first?.info['properties']).toEqual({ ActivityId: expect.any(String) });
  expect(reply.headers['x-ms-error-code']).toBe(error['code']);
  expect(JSON.stringify(reply.body)).not.toMatch(/\bat .+\.(ts|js):\d+/);
}

/** The code of an answer that is an error; fails when it is none. */
export function codeOf(reply: Reply): string {
  expect(reply.status).toBeGreaterThanOrEqual(400);
  return String((reply.body['error'] as Json)['code']);
}

export const messageOf = (reply: Reply): string => String((reply.body['error'] as Json)['message']);

export const propertiesOf = (reply: Reply): Json => reply.body['properties'] as Json;
