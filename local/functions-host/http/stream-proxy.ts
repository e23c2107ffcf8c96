import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { Server } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { FunctionsCore } from '../app/functions-core.ts';
import { properCase } from './replies.ts';

/** Headers between the host and the library, which say nothing to the caller. */
const ownToConnection = new Set(['x-ms-invocation-id', 'connection', 'keep-alive', 'transfer-encoding', 'date']);

/**
 * Starts the library's HTTP proxy (for `app.setup({ enableHttpStream: true })`). The library listens on every interface; for the time of this call,
 * which reaches `listen` synchronously, it is made to listen on loopback only.
 * @returns the proxy's port, undefined when the app does not stream
 */
export async function startStreamProxy(core: FunctionsCore): Promise<number | undefined> {
  const listen = Server.prototype.listen;
  const loopback = function (this: Server, ...args: unknown[]): Server {
    const ready = args.find((one) => typeof one === 'function') as (() => void) | undefined;
    return listen.call(this, { port: 0, host: '127.0.0.1' }, ready);
  };
  Server.prototype.listen = loopback as typeof listen;
  let pending: Promise<Record<string, string>> | undefined;
  try {
    pending = core.programmingModel?.getCapabilities?.({});
  } finally {
    Server.prototype.listen = listen;
  }
  const uri = (await pending)?.['HttpUri'];
  return uri === undefined ? undefined : Number(new URL(uri).port);
}

/** Sends a request through the library's proxy, body and answer streamed. `signal` ends it when the function fails. */
export async function forward(
  port: number,
  invocationId: string,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const headers = {
    ...request.headers,
    'x-ms-invocation-id': invocationId,
    'x-forwarded-host': request.headers.host ?? '127.0.0.1',
    'x-forwarded-proto': 'http',
  };
  const outgoing = httpRequest({ host: '127.0.0.1', port, method: request.method, path, headers, signal });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
  });
  // An answer may come before the whole body was read, so sending is not waited for first.
  const sent = pipeline(request, outgoing);
  sent.catch((error: unknown) => outgoing.destroy(error as Error));
  const incoming = await answered;
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined && !ownToConnection.has(name)) response.setHeader(properCase(name), value);
  }
  response.writeHead(incoming.statusCode ?? 500);
  await pipeline(incoming, response);
}
