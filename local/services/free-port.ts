import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A port of 127.0.0.1 that was free a moment ago, chosen by the system: for what ends with the process. */
export async function freePort(): Promise<number> {
  const port = await tryListen(0);
  if (port === undefined) throw new Error('no free port on 127.0.0.1');
  return port;
}

/**
 * A free port that is likely to be free again after a restart: `preferred` when it is, else one below the range from
 * which systems choose the ports of outgoing connections.
 */
export async function lastingPort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await tryListen(preferred)) !== undefined) return preferred;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = await tryListen(randomInt(20_000, 32_000));
    if (port !== undefined) return port;
  }
  throw new Error('no free port on 127.0.0.1 from 20000 to 32000');
}

async function tryListen(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    });
    server.listen(port, '127.0.0.1', () => {
      const { port: bound } = server.address() as AddressInfo;
      server.close(() => resolve(bound));
    });
  });
}
