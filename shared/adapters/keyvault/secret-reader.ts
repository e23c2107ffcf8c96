import type { TokenCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import type { ErrorCode } from '../../domain/errors.ts';
import { VaultError } from '../../domain/errors.ts';
import type { SecretReader } from '../../ports.ts';
import { Secret } from '../../secret.ts';
import { statusOf } from '../azure/sdk-errors.ts';
import { parseSecretUri } from './secret-uri.ts';

/** One read, the SDK's own retries and the token included. */
const deadlineMilliseconds = 60_000;

export interface SecretReaderOptions {
  readonly credential: TokenCredential;
  /** Whether a vault may only ask for tokens of its own domain. False is for emulators. */
  readonly verifyChallenges: boolean;
  /** Told every value that was read, so that no log line shows it. */
  readonly remember?: (secret: Secret) => void;
}

/** Secrets of Azure Key Vault. Clients are kept, one for each vault; values never are: each read asks for the latest version. */
export function createKeyVaultSecretReader(options: SecretReaderOptions): SecretReader {
  const clients = new Map<string, SecretClient>();

  function clientOf(vaultUrl: string): SecretClient {
    const known = clients.get(vaultUrl);
    if (known) return known;
    const client = new SecretClient(vaultUrl, options.credential, {
      disableChallengeResourceVerification: !options.verifyChallenges,
    });
    clients.set(vaultUrl, client);
    return client;
  }

  return {
    async read(secretUri) {
      const { vaultUrl, host, name, version } = parseSecretUri(secretUri);
      const abortSignal = AbortSignal.timeout(deadlineMilliseconds);
      let value: string | undefined;
      try {
        ({ value } = await clientOf(vaultUrl).getSecret(name, {
          abortSignal,
          ...(version === undefined ? {} : { version }),
        }));
      } catch (error) {
        throw new VaultError(codeFor(error), { secret: secretUri, store: host }, { cause: error });
      }
      if (value === undefined) throw new VaultError('UserErrorInvalidSecret', { secret: secretUri });
      const secret = new Secret(value);
      options.remember?.(secret);
      return secret;
    },
  };
}

/** Error bodies of Key Vault: https://learn.microsoft.com/azure/key-vault/general/rest-error-codes */
function codeFor(error: unknown): ErrorCode {
  const inner = innerCodeOf(error);
  if (inner === 'SecretDisabled') return 'UserErrorInvalidSecret';
  if (inner === 'ForbiddenByFirewall' || inner === 'ForbiddenByConnection') return 'UserErrorInvalidSecretStore';
  switch (statusOf(error)) {
    case 400:
    case 404:
      return 'UserErrorInvalidSecret';
    case 401:
    case 403:
      return 'UserErrorMissingPermissionsOnSecretStore';
    default:
      return hasNoToken(error) ? 'UserErrorMissingPermissionsOnSecretStore' : 'UserErrorInvalidSecretStore';
  }
}

const innerCodeOf = (error: unknown): string | undefined =>
  (error as { details?: { error?: { innerError?: { code?: string } } } }).details?.error?.innerError?.code;

/** `@azure/identity`: this process has no identity, or its issuer refused a token. */
const hasNoToken = (error: unknown): boolean =>
  error instanceof Error &&
  ['CredentialUnavailableError', 'AuthenticationError', 'AggregateAuthenticationError'].includes(error.name);
