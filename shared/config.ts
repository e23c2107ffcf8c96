import { z } from 'zod';
import { Secret } from './secret.ts';

/** The vault's own storage account: a connection string (local emulator, tests), or its two endpoints and this process's identity. */
export type StorageSettings =
  | { readonly kind: 'connection-string'; readonly connectionString: Secret }
  | { readonly kind: 'identity'; readonly blobServiceUri: string; readonly tableServiceUri: string };

export type LogLevel = 'info' | 'warn' | 'error';

export interface Config {
  readonly storage: StorageSettings;
  /** Tables are named `<prefix><table>`. */
  readonly tablePrefix: string;
  readonly auth: {
    readonly issuer: string;
    readonly audience: string;
    /** Where the signing keys are; undefined: as the issuer's discovery document says. */
    readonly jwksUri?: string;
    readonly tenantId: string;
  };
  readonly keyVault: { readonly verifyChallenges: boolean };
  /** Folders that hold `pg_dump`, `pg_restore` and `psql`, searched before the usual places. */
  readonly pgBinDirs: readonly string[];
  /** Scheme and host that clients reach this service by; undefined: as the request says. */
  readonly publicBaseUrl?: string;
  readonly logLevel: LogLevel;
}

/** One environment variable. The README's table and the local services are tested against this list. */
export interface Setting {
  readonly name: string;
  readonly meaning: string;
  /** What holds when the variable is unset; undefined when there is no such value. */
  readonly default?: string;
  readonly required: boolean | string;
  readonly secret: boolean;
}

const setting = (name: string, meaning: string, rest: Partial<Setting> = {}): Setting => ({
  name,
  meaning,
  required: false,
  secret: false,
  ...rest,
});

const storageChoice = 'either the connection string or both service URIs';

export const settings: readonly Setting[] = [
  setting(
    'LTRVAULT_STORAGE_CONNECTION_STRING',
    'Storage account of the vault, by connection string (local emulator).',
    {
      required: storageChoice,
      secret: true,
    },
  ),
  setting('LTRVAULT_BLOB_SERVICE_URI', 'Blob endpoint of the storage account, reached with the managed identity.', {
    required: storageChoice,
  }),
  setting('LTRVAULT_TABLE_SERVICE_URI', 'Table endpoint of the storage account, reached with the managed identity.', {
    required: storageChoice,
  }),
  setting('LTRVAULT_TABLE_PREFIX', 'First part of the name of every table: letters and digits, a letter first.', {
    default: 'LtrVault',
  }),
  setting('LTRVAULT_AUTH_ISSUER', 'Issuer of the access tokens: https, or http on loopback.', { required: true }),
  setting('LTRVAULT_AUTH_AUDIENCE', 'Audience that access tokens must name.', { required: true }),
  setting(
    'LTRVAULT_AUTH_JWKS_URI',
    "Signing keys of the issuer; otherwise the issuer's discovery document says where.",
  ),
  setting('LTRVAULT_TENANT_ID', 'Directory (tenant) id that answers and identities name.', { required: true }),
  setting(
    'LTRVAULT_KEYVAULT_CHALLENGE_VERIFICATION',
    'on or off: whether a key vault may only ask for tokens of its own domain. Off is for emulators; never turn it off in Azure.',
    { default: 'on' },
  ),
  setting(
    'LTRVAULT_PG_BIN_DIRS',
    'Folders with PostgreSQL client tools, colon separated, searched before the usual places.',
  ),
  setting(
    'LTRVAULT_PUBLIC_BASE_URL',
    'Scheme and host that clients reach this service by; otherwise as the request says.',
  ),
  setting('LTRVAULT_LOG_LEVEL', 'info, warn or error: the least severe line that is written.', { default: 'info' }),
];

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** A URL without credentials, query or fragment; http only where nothing leaves the machine. Comes back without a trailing slash. */
const url = z.string().transform((text, context) => {
  const parsed = URL.parse(text);
  const allowed = parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && loopback.test(parsed.hostname));
  if (parsed && allowed && !parsed.username && !parsed.password && !parsed.search && !parsed.hash) {
    return text.replace(/\/+$/, '');
  }
  context.addIssue('must be an https URL (http on loopback) without credentials, query or fragment');
  return z.NEVER;
});

/** Compared character by character with the `iss` of tokens, so it stays as it was written. */
const issuer = z.string().refine((text) => url.safeParse(text).success, 'must be an https URL (http on loopback)');

/** Plain http, which the emulator needs, must not carry an account key over a network. */
const connectionString = z
  .string()
  .refine(
    (text) => /(^|;)\s*(AccountName|UseDevelopmentStorage|BlobEndpoint)\s*=/i.test(text),
    'is not an Azure Storage connection string',
  )
  .refine(
    (text) => plainHttpEndpoints(text).every((host) => loopback.test(host)),
    'must use https endpoints (http only on loopback)',
  )
  .transform((text) => new Secret(text));

function plainHttpEndpoints(text: string): string[] {
  const endpoints = text.matchAll(/(?:Endpoint|ProxyUri)\s*=\s*(http:[^;]*)/gi);
  const hosts = [...endpoints].map(([, endpoint = '']) => URL.parse(endpoint)?.hostname ?? '');
  return /DefaultEndpointsProtocol\s*=\s*http\s*(;|$)/i.test(text) && hosts.length === 0 ? ['account host'] : hosts;
}

const oneOf = <const T extends string>(...values: T[]) =>
  z.enum(values, { error: `must be one of: ${values.join(', ')}` });

const required = z.string({ error: 'is not set' });

const schema = z.object({
  LTRVAULT_STORAGE_CONNECTION_STRING: connectionString.optional(),
  LTRVAULT_BLOB_SERVICE_URI: url.optional(),
  LTRVAULT_TABLE_SERVICE_URI: url.optional(),
  LTRVAULT_TABLE_PREFIX: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9]{0,29}$/, 'must be 1 to 30 letters and digits, a letter first')
    .default('LtrVault'),
  LTRVAULT_AUTH_ISSUER: required.pipe(issuer),
  LTRVAULT_AUTH_AUDIENCE: required,
  LTRVAULT_AUTH_JWKS_URI: url.optional(),
  LTRVAULT_TENANT_ID: required,
  LTRVAULT_KEYVAULT_CHALLENGE_VERIFICATION: oneOf('on', 'off').default('on'),
  LTRVAULT_PG_BIN_DIRS: z
    .string()
    .transform((text) => text.split(':').filter((folder) => folder !== ''))
    .refine((folders) => folders.every((folder) => folder.startsWith('/')), 'must hold absolute folders')
    .default([]),
  LTRVAULT_PUBLIC_BASE_URL: url.optional(),
  LTRVAULT_LOG_LEVEL: oneOf('info', 'warn', 'error').default('info'),
});

/** What is wrong with the choice of the storage account, whatever else is wrong: only looks at which variables are set. */
function storageFault(given: Readonly<Record<string, string | undefined>>): string[] {
  const connection = given['LTRVAULT_STORAGE_CONNECTION_STRING'];
  const uris = [given['LTRVAULT_BLOB_SERVICE_URI'], given['LTRVAULT_TABLE_SERVICE_URI']];
  if (connection && uris.some(Boolean))
    return ['LTRVAULT_STORAGE_CONNECTION_STRING: must not be set beside the service URIs'];
  if (connection || uris.every(Boolean)) return [];
  return [
    'LTRVAULT_STORAGE_CONNECTION_STRING: is not set, nor are both LTRVAULT_BLOB_SERVICE_URI and LTRVAULT_TABLE_SERVICE_URI',
  ];
}

function storageOf(values: z.output<typeof schema>): StorageSettings {
  const { LTRVAULT_STORAGE_CONNECTION_STRING: connectionString } = values;
  const { LTRVAULT_BLOB_SERVICE_URI: blobServiceUri, LTRVAULT_TABLE_SERVICE_URI: tableServiceUri } = values;
  if (connectionString) return Object.freeze({ kind: 'connection-string', connectionString });
  if (blobServiceUri && tableServiceUri) return Object.freeze({ kind: 'identity', blobServiceUri, tableServiceUri });
  throw new Error('storageFault lets no other combination through.');
}

/**
 * Reads and checks every setting; an empty variable counts as unset.
 * @throws Error that names every variable at fault and what is wrong with it, never its value
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = Object.fromEntries(settings.map(({ name }) => [name, env[name]?.trim() || undefined]));
  const { data, error } = schema.safeParse(given);
  const faults = [...storageFault(given), ...(error?.issues ?? []).map(faultOf)];
  if (!data || faults.length > 0) throw new Error(['The settings are not usable:', ...faults].join('\n  '));
  return Object.freeze({
    storage: storageOf(data),
    tablePrefix: data.LTRVAULT_TABLE_PREFIX,
    auth: Object.freeze({
      issuer: data.LTRVAULT_AUTH_ISSUER,
      audience: data.LTRVAULT_AUTH_AUDIENCE,
      ...(data.LTRVAULT_AUTH_JWKS_URI === undefined ? {} : { jwksUri: data.LTRVAULT_AUTH_JWKS_URI }),
      tenantId: data.LTRVAULT_TENANT_ID,
    }),
    keyVault: Object.freeze({ verifyChallenges: data.LTRVAULT_KEYVAULT_CHALLENGE_VERIFICATION === 'on' }),
    pgBinDirs: Object.freeze(data.LTRVAULT_PG_BIN_DIRS),
    ...(data.LTRVAULT_PUBLIC_BASE_URL === undefined ? {} : { publicBaseUrl: data.LTRVAULT_PUBLIC_BASE_URL }),
    logLevel: data.LTRVAULT_LOG_LEVEL,
  });
}

/** `NAME: what is wrong`; zod's own messages never hold the value. */
const faultOf = ({ path, message }: { path: readonly PropertyKey[]; message: string }): string =>
  `${String(path[0])}: ${message}`;
