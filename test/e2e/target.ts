/** The running service that the suite talks to, read from the E2E_* variables that the README lists. */

export interface Client {
  readonly id: string;
  readonly secret: string;
}

export interface Target {
  readonly baseUrl: string;
  readonly tokenEndpoint: string;
  readonly audience: string;
  readonly contributor: Client;
  readonly reader: Client;
  readonly nobody: Client;
  /** ADO.NET connection string of an administrator of the PostgreSQL server. */
  readonly database: string;
  readonly keyVaultUrl: string;
  readonly keyVaultCaFile?: string;
  readonly storageConnectionString?: string;
  /** Only when the suite started the services and the host itself. */
  readonly own?: OwnTarget;
}

export interface OwnTarget {
  /** `POST <url>/kill` and `POST <url>/start` answer with the process id of the host. */
  readonly controlUrl: string;
  readonly hostPid: number;
  /** Everything the host has printed. */
  readonly hostLog: string;
  /** Azurite's files. */
  readonly storageFolder: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    target: Target;
  }
}

/** @throws Error that lists every variable that is missing */
export function readTarget(env: Readonly<Record<string, string | undefined>>): Target {
  const missing: string[] = [];
  const needed = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') missing.push(name);
    return value ?? '';
  };
  const keyVaultCaFile = env['E2E_KEY_VAULT_CA_FILE'];
  const storageConnectionString = env['E2E_STORAGE_CONNECTION_STRING'];
  const target: Target = {
    baseUrl: needed('E2E_BASE_URL').replace(/\/$/, ''),
    tokenEndpoint: needed('E2E_TOKEN_ENDPOINT'),
    audience: needed('E2E_AUDIENCE'),
    contributor: { id: needed('E2E_CONTRIBUTOR_CLIENT_ID'), secret: needed('E2E_CONTRIBUTOR_CLIENT_SECRET') },
    reader: { id: needed('E2E_READER_CLIENT_ID'), secret: needed('E2E_READER_CLIENT_SECRET') },
    nobody: { id: needed('E2E_NOBODY_CLIENT_ID'), secret: needed('E2E_NOBODY_CLIENT_SECRET') },
    database: needed('E2E_DATABASE'),
    keyVaultUrl: needed('E2E_KEY_VAULT_URL').replace(/\/$/, ''),
    ...(keyVaultCaFile === undefined ? {} : { keyVaultCaFile }),
    ...(storageConnectionString === undefined ? {} : { storageConnectionString }),
  };
  if (missing.length > 0) throw new Error(`with E2E_BASE_URL these must be set too: ${missing.join(', ')}`);
  return target;
}
