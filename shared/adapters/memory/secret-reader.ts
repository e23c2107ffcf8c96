import { randomBytes } from 'node:crypto';
import { VaultError } from '../../domain/errors.ts';
import type { SecretReader } from '../../ports.ts';
import { Secret } from '../../secret.ts';
import { parseSecretUri } from '../keyvault/secret-uri.ts';

export interface MemorySecretReader extends SecretReader {
  /** `https://…`, without a slash at the end. */
  readonly vaultUrl: string;
  /** Adds a version and gives its id. */
  set(name: string, value: string, options?: { enabled?: boolean }): Promise<string>;
}

interface Version {
  readonly id: string;
  readonly value: string;
  readonly enabled: boolean;
}

/** One vault of secrets in this process only, for tests. */
export function createMemorySecretReader(vaultUrl = 'https://memory.vault.azure.net'): MemorySecretReader {
  const secrets = new Map<string, Version[]>();
  return {
    vaultUrl,
    async set(name, value, { enabled = true } = {}) {
      const version = { id: randomBytes(16).toString('hex'), value, enabled };
      secrets.set(name.toLowerCase(), [...(secrets.get(name.toLowerCase()) ?? []), version]);
      return version.id;
    },
    async read(secretUri) {
      const address = parseSecretUri(secretUri);
      if (address.vaultUrl !== vaultUrl) throw new VaultError('UserErrorInvalidSecretStore', { store: address.host });
      const versions = secrets.get(address.name.toLowerCase()) ?? [];
      const found = address.version ? versions.find(({ id }) => id === address.version) : versions.at(-1);
      if (!found?.enabled) throw new VaultError('UserErrorInvalidSecret', { secret: secretUri });
      return new Secret(found.value);
    },
  };
}
