import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TypedData } from '../app/core-types.ts';
import type { RegisteredFunction } from '../app/functions-core.ts';
import type { Invoker } from '../app/invocation.ts';
import { managementPath } from '../durable/client-payload.ts';
import { handleDurableRequest, type ApiAnswer, type ApiContext } from '../durable/management-api.ts';
import type { HostLog } from '../log.ts';
import { handleAdminRequest, type AdminContext } from './admin-api.ts';
import { bufferedRequest, streamMetadata, triggerInput, writeResponse } from './http-trigger.ts';
import { keyMatches, type HostKeys } from './keys.ts';
import { readBody, replyEmpty, replyJson } from './replies.ts';
import { findRoute, pathSegments, type HttpRoute } from './route-table.ts';
import { forward } from './stream-proxy.ts';

export interface ServerContext {
  routes: readonly HttpRoute[];
  keys: HostKeys;
  invoker: Invoker;
  durable: ApiContext;
  admin: AdminContext;
  clientInputs: (fn: RegisteredFunction) => { name: string; data: TypedData }[];
  /** Port of the library's proxy when the app streams. */
  proxyPort: number | undefined;
  log: HostLog;
}

const rootPage =
  '<!DOCTYPE html><html><head><title>Functions host</title></head><body>Your functions host is up and running.</body></html>';

function requestUrl(request: IncomingMessage): URL {
  return new URL(`http://${request.headers.host ?? '127.0.0.1'}${request.url ?? '/'}`);
}

function givenKey(request: IncomingMessage, url: URL): string | undefined {
  const header = request.headers['x-functions-key'];
  return url.searchParams.get('code') ?? (typeof header === 'string' ? header : undefined);
}

function reply(response: ServerResponse, { status, body, headers }: ApiAnswer): void {
  if (body === undefined) replyEmpty(response, status, headers);
  else replyJson(response, status, body, headers);
}

async function durableAnswer(
  context: ApiContext,
  request: IncomingMessage,
  url: URL,
  segments: string[],
  origin: string,
): Promise<ApiAnswer> {
  const token = request.headers['x-ms-continuation-token'];
  return handleDurableRequest(context, {
    method: request.method ?? 'GET',
    segments,
    query: url.searchParams,
    origin,
    body: (await readBody(request)).toString('utf8'),
    mediaType: request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase(),
    continuationToken: typeof token === 'string' ? token : undefined,
  });
}

/** The host's own routes come first, then functions in alphabetical order. */
async function handle(context: ServerContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = requestUrl(request);
  const segments = pathSegments(url.pathname) ?? [];
  const lower = url.pathname.toLowerCase();
  const { keys } = context;
  if (lower === managementPath || lower.startsWith(`${managementPath}/`)) {
    if (!keyMatches(givenKey(request, url), [keys.durable, keys.master])) return replyEmpty(response, 401);
    return reply(response, await durableAnswer(context.durable, request, url, segments.slice(3), url.origin));
  }
  if (lower.startsWith('/admin/') && (await handleAdmin(context, request, response, url, segments))) return;
  const found = findRoute(context.routes, request.method ?? 'GET', url.pathname);
  if (found !== undefined) return callFunction(context, request, response, url, found.route, found.values);
  if (url.pathname !== '/' || request.method !== 'GET') return replyEmpty(response, 404);
  response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Length': Buffer.byteLength(rootPage) });
  response.end(rootPage);
}

const adminRoutes = /^\/admin\/(host\/(ping|status)|functions(\/[^/]+)?)\/?$/i;

/** @returns false when the path belongs to no admin route of the host */
async function handleAdmin(
  context: ServerContext,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  segments: string[],
): Promise<boolean> {
  if (!adminRoutes.test(url.pathname)) return false;
  const isPing = segments[2]?.toLowerCase() === 'ping';
  if (!isPing && !keyMatches(givenKey(request, url), [context.keys.master])) {
    replyEmpty(response, 401);
    return true;
  }
  const body = (await readBody(request)).toString('utf8');
  const answer = handleAdminRequest(context.admin, request.method ?? 'GET', segments, url.host, body);
  reply(response, answer ?? { status: 404 });
  return true;
}

function isAllowed(route: HttpRoute, keys: HostKeys, key: string | undefined): boolean {
  if (route.authLevel === 'anonymous') return true;
  return keyMatches(key, route.authLevel === 'admin' ? [keys.master] : [keys.default, keys.master]);
}

async function callFunction(
  context: ServerContext,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  route: HttpRoute,
  values: Record<string, string>,
): Promise<void> {
  if (!isAllowed(route, context.keys, givenKey(request, url))) return replyEmpty(response, 401);
  const began = performance.now();
  const { fn } = route;
  const trigger =
    Object.entries(fn.metadata.bindings).find(([, { type }]) => type.toLowerCase() === 'httptrigger')?.[0] ?? 'req';
  try {
    if (context.proxyPort !== undefined)
      await callStreaming(context, context.proxyPort, request, response, url, fn, trigger, values);
    else {
      const body = await readBody(request);
      const input = triggerInput(trigger, bufferedRequest(request, url, values, body), context.clientInputs(fn));
      const result = await context.invoker.invoke(fn, input);
      writeResponse(response, result.response.returnValue);
    }
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    context.log.error(`http ${request.method ?? ''} ${url.pathname} (${route.name}) failed: ${text}`);
    if (response.headersSent) response.destroy();
    else replyEmpty(response, 500);
  }
  const took = Math.round(performance.now() - began);
  context.log.debug(
    `http ${request.method ?? ''} ${url.pathname} (${route.name}) ${response.statusCode} in ${took} ms`,
  );
}

/** The worker takes the request from the library's proxy and answers through it; only a failure comes back by the invocation. */
async function callStreaming(
  context: ServerContext,
  port: number,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  fn: RegisteredFunction,
  trigger: string,
  values: Record<string, string>,
): Promise<void> {
  const invocationId = randomUUID();
  const failed = new AbortController();
  const path = `${url.pathname}${url.search}`;
  const streamed = forward(port, invocationId, request, response, path, failed.signal);
  const invoked = context.invoker.invoke(fn, {
    invocationId,
    inputs: [{ name: trigger, data: {} }, ...context.clientInputs(fn)],
    triggerMetadata: streamMetadata(request, url, values),
  });
  const outcome = invoked.catch((error: unknown) => {
    failed.abort();
    throw error;
  });
  const [, sent] = await Promise.allSettled([outcome, streamed]);
  await outcome;
  if (sent.status === 'rejected') throw sent.reason;
}

function guarded(log: HostLog, work: (request: IncomingMessage, response: ServerResponse) => Promise<void>) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    response.setHeader('Server', 'Kestrel');
    work(request, response).catch((error: unknown) => {
      log.error(`http ${request.method ?? ''} ${request.url?.split('?')[0] ?? ''} failed: ${String(error)}`);
      if (response.headersSent) response.destroy();
      else replyEmpty(response, 500);
    });
  };
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Opens the port before the app is loaded, so that URLs are known; requests wait until `ready` resolves. */
export async function openPublicServer(
  port: number,
  ready: Promise<ServerContext>,
  log: HostLog,
): Promise<{ server: Server; port: number }> {
  const server = createServer(
    { maxHeaderSize: 32_768 },
    guarded(log, async (request, response) => handle(await ready, request, response)),
  );
  return { server, port: await listen(server, port) };
}

/**
 * The app's own durable client calls a second, loopback-only port, as with the real extension: it stays open while the host drains. Its path holds
 * a random token, so that other processes cannot guess it.
 */
export async function openRpcServer(
  ready: Promise<ApiContext>,
  log: HostLog,
): Promise<{ server: Server; baseUrl: string }> {
  const token = randomUUID();
  const root = `/${token}/durabletask/`;
  const server = createServer(
    guarded(log, async (request, response) => {
      const url = requestUrl(request);
      if (!url.pathname.startsWith(root)) return replyEmpty(response, 404);
      const segments = pathSegments(`/${url.pathname.slice(root.length)}`) ?? [];
      reply(response, await durableAnswer(await ready, request, url, segments, url.origin));
    }),
  );
  const port = await listen(server, 0);
  return { server, baseUrl: `http://127.0.0.1:${port}${root}` };
}
