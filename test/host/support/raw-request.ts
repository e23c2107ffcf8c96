import { request } from 'node:http';

export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  text: string;
}

/** One request on a connection of its own, sent as it is given (fetch would tidy the URL and the headers). */
export function rawRequest(
  base: string,
  method: string,
  target: string,
  body: string | Buffer | null = null,
  headers: Record<string, string> = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(base);
  const type: Record<string, string> = body === null ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const outgoing = request(
      {
        hostname,
        port,
        method,
        path: target,
        agent: false,
        headers: { connection: 'close', ...type, ...length, ...headers },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const received: Record<string, string> = {};
          for (let index = 0; index < incoming.rawHeaders.length; index += 2) {
            received[incoming.rawHeaders[index] ?? ''] = incoming.rawHeaders[index + 1] ?? '';
          }
          resolve({
            status: incoming.statusCode ?? 0,
            headers: received,
            text: Buffer.concat(chunks).toString('utf8'),
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body ?? undefined);
  });
}
