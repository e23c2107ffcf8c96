import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { close, listen } from '../services/listen.ts';
import { createAccess } from './access.ts';
import type { Access, AccessOptions } from './access.ts';
import { loadServerCertificate } from './certificate.ts';
import { KeyVaultError, badParameter } from './key-vault-error.ts';
import { findOperation } from './secret-routes.ts';
import { SecretStore } from './secret-store.ts';

const MAX_BODY_BYTES = 128 * 1024;

export interface KeyVaultOptions {
  /** Secrets, certificate and key are kept here, for the owner alone. */
  readonly directory: string;
  /** Port on 127.0.0.1; a free one when not given. Secret ids contain it. */
  readonly port?: number;
  readonly access: AccessOptions;
}

export interface RunningKeyVault {
  readonly port: number;
  /** `https://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  /** What NODE_EXTRA_CA_CERTS must name for this to be trusted. */
  readonly caFile: string;
  /** Adds a version and resolves to the secret's id without it, which always means the latest. */
  setSecret(name: string, value: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts the emulator of Key Vault's secrets API. It is for local use: values are kept in a plain file. */
export async function startKeyVault(options: KeyVaultOptions): Promise<RunningKeyVault> {
  const certificate = await loadServerCertificate(options.directory);
  const store = await SecretStore.open(options.directory);
  const access = createAccess(options.access);
  let url = '';
  const server = createServer({ cert: certificate.cert, key: certificate.key }, (request, response) => {
    void answer(request, response, { url, access, store });
  });
  const port = await listen(server, options.port ?? 0);
  url = `https://127.0.0.1:${String(port)}`;
  return {
    port,
    url,
    caFile: certificate.caFile,
    async setSecret(name, value) {
      await store.set(name, { value });
      return `${url}/secrets/${name}`;
    },
    stop: () => close(server),
  };
}

interface Vault {
  readonly url: string;
  readonly access: Access;
  readonly store: SecretStore;
}

async function answer(request: IncomingMessage, response: ServerResponse, vault: Vault): Promise<void> {
  try {
    const operation = findOperation(
      request.method ?? '',
      new URL(request.url ?? '/', vault.url),
      vault.url,
      vault.store,
    );
    await vault.access.check(request.headers.authorization, operation.right);
    const body = request.method === 'GET' ? undefined : await readJson(request);
    send(response, 200, await operation.run(body));
  } catch (error) {
    if (error instanceof KeyVaultError) {
      const challenge = error.status === 401 ? { 'www-authenticate': vault.access.challenge } : {};
      send(response, error.status, error.toBody(), challenge);
    } else {
      console.error('key vault:', error instanceof Error ? error.message : error);
      const failure = new KeyVaultError(
        500,
        'InternalServerError',
        'The local key vault could not answer; see its log.',
      );
      send(response, failure.status, failure.toBody());
    }
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new KeyVaultError(413, 'RequestEntityTooLarge', 'The body is too large.');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw badParameter('The body is not JSON'); // The parser's message would quote the secret.
  }
}

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-cache',
    'x-ms-keyvault-service-version': 'local-emulator',
    ...headers,
  });
  response.end(JSON.stringify(body));
}
