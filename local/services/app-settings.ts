import path from 'node:path';
import { APP_PRINCIPAL } from '../identity/identity-state.ts';
import type { RunningIdentity } from '../identity/identity-server.ts';
import type { RunningKeyVault } from '../key-vault/key-vault-server.ts';
import type { RunningAzurite } from './azurite.ts';
import { writePrivateFile } from './state-file.ts';

/** What the app, and any host that runs it, must find in its environment to use these services. */
export function appSettings(services: {
  readonly azurite: RunningAzurite;
  readonly identity: RunningIdentity;
  readonly keyVault: RunningKeyVault;
}): Record<string, string> {
  const { azurite, identity, keyVault } = services;
  return {
    AzureWebJobsStorage: azurite.connectionString,
    FUNCTIONS_WORKER_RUNTIME: 'node',
    LTRVAULT_STORAGE_CONNECTION_STRING: azurite.connectionString,
    LTRVAULT_AUTH_ISSUER: identity.issuer,
    LTRVAULT_AUTH_AUDIENCE: identity.audience,
    LTRVAULT_TENANT_ID: identity.tenantId,
    // The client demands that the vault's host lies below the domain of the audience, which no loopback address does.
    LTRVAULT_KEYVAULT_CHALLENGE_VERIFICATION: 'off',
    IDENTITY_ENDPOINT: identity.identityEndpoint,
    IDENTITY_HEADER: identity.identityHeader,
    // A developer's own AZURE_* variables must not put another identity before the local one.
    AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential',
    AZURE_CLIENT_ID: APP_PRINCIPAL,
    NODE_EXTRA_CA_CERTS: keyVault.caFile,
  };
}

/** Writes `local.settings.json`, from which every Functions host takes its environment. It holds secrets: mode 0600. */
export async function writeLocalSettings(
  appFolder: string,
  settings: Readonly<Record<string, string>>,
): Promise<string> {
  const file = path.join(appFolder, 'local.settings.json');
  await writePrivateFile(file, `${JSON.stringify({ IsEncrypted: false, Values: settings }, undefined, 2)}\n`);
  return file;
}
