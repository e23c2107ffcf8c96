import path from 'node:path';
import type { RunningServices } from './start-services.ts';
import { writePrivateFile } from './state-file.ts';

/** Where `func start` serves the app; another host's address goes into E2E_BASE_URL by hand. */
const DEFAULT_BASE_URL = 'http://127.0.0.1:7071';

/**
 * What the end-to-end suite needs to test a host that somebody else runs on these services. Against Azure the same
 * variables name Entra ID's token endpoint, the application registrations, the vault and the source server.
 */
export function e2eEnvironment(services: RunningServices, baseUrl = DEFAULT_BASE_URL): Record<string, string> {
  const { identity, keyVault, postgres } = services;
  const clients = Object.entries(identity.clients).flatMap(([name, { clientId, clientSecret }]) => [
    [`E2E_${name.toUpperCase()}_CLIENT_ID`, clientId],
    [`E2E_${name.toUpperCase()}_CLIENT_SECRET`, clientSecret],
  ]);
  return {
    E2E_BASE_URL: baseUrl,
    E2E_TOKEN_ENDPOINT: identity.tokenEndpoint,
    E2E_AUDIENCE: identity.audience,
    ...(Object.fromEntries(clients) as Record<string, string>),
    E2E_KEY_VAULT_URL: keyVault.url,
    E2E_KEY_VAULT_CA_FILE: keyVault.caFile,
    E2E_STORAGE_CONNECTION_STRING: services.azurite.connectionString,
    ...(postgres === undefined ? {} : { E2E_DATABASE: superuserConnectionString(postgres) }),
  };
}

/** ADO.NET connection string of the local server's superuser. */
export function superuserConnectionString(
  postgres: NonNullable<RunningServices['postgres']>,
  database = 'postgres',
): string {
  const { host, port, superuser, password } = postgres;
  return `Server=${host};Port=${String(port)};Database=${database};User Id=${superuser};Password=${password};SslMode=Disable`;
}

/** Writes the variables as a file that a shell can source; it holds secrets: mode 0600. */
export async function writeE2eEnvironment(services: RunningServices): Promise<string> {
  const file = path.join(services.stateDirectory, 'e2e.env');
  const quote = (value: string): string => `'${value.replaceAll("'", `'\\''`)}'`;
  const lines = Object.entries(e2eEnvironment(services)).map(([name, value]) => `${name}=${quote(value)}\n`);
  await writePrivateFile(file, lines.join(''));
  return file;
}
