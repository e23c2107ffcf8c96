import { once } from 'node:events';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A proxy in front of a storage endpoint that can lose answers and cut downloads, as networks do. */
export interface LossyProxy {
  readonly port: number;
  /** Answers lost and downloads cut so far. */
  readonly lost: number;
  /** The next request of this method reaches the server; its answer does not come back: the connection is reset. */
  loseNextAnswer(method: string): void;
  /** The next `times` answers to GET end with a reset after this many bytes of body. */
  cutDownloads(afterBytes: number, times: number): void;
  stop(): Promise<void>;
}

export async function startLossyProxy(endpoint: string): Promise<LossyProxy> {
  const target = new URL(endpoint);
  const faults = { method: '', cutAfter: 0, cuts: 0, lost: 0 };

  function answer(incoming: IncomingMessage, outgoing: ServerResponse, reply: IncomingMessage): void {
    if (faults.method === incoming.method) {
      Object.assign(faults, { method: '', lost: faults.lost + 1 });
      reply.resume().once('end', () => outgoing.destroy());
      return;
    }
    outgoing.writeHead(reply.statusCode ?? 502, reply.rawHeaders);
    const cut = incoming.method === 'GET' && faults.cuts > 0;
    if (!cut) return void reply.pipe(outgoing);
    Object.assign(faults, { cuts: faults.cuts - 1, lost: faults.lost + 1 });
    let left = faults.cutAfter;
    reply.on('data', (chunk: Buffer) => {
      const part = chunk.subarray(0, left);
      left -= part.length;
      reply.pause();
      outgoing.write(part, () => (left > 0 ? reply.resume() : outgoing.destroy()));
    });
  }

  const server = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const options = { host: target.hostname, port: target.port, method, path, headers };
    const onward: ClientRequest = request(options, (reply) => answer(incoming, outgoing, reply));
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    get lost() {
      return faults.lost;
    },
    loseNextAnswer: (method) => void (faults.method = method),
    cutDownloads: (afterBytes, times) => void Object.assign(faults, { cutAfter: afterBytes, cuts: times }),
    stop: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

/** The connection string with one endpoint moved to the proxy. Shared-key signatures do not cover the port. */
export const throughProxy = (connectionString: string, endpoint: 'BlobEndpoint' | 'TableEndpoint', proxy: LossyProxy) =>
  connectionString.replace(new RegExp(`(${endpoint}=http://127\\.0\\.0\\.1):\\d+`), `$1:${String(proxy.port)}`);
