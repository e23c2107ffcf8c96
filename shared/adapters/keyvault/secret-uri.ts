import { VaultError } from '../../domain/errors.ts';
import { isForbiddenAddress } from '../connection/address-policy.ts';

export interface SecretAddress {
  /** `https://<host>`. */
  readonly vaultUrl: string;
  readonly host: string;
  readonly name: string;
  /** Undefined: the latest. */
  readonly version?: string;
}

const path = /^\/secrets\/(?<name>[0-9A-Za-z-]{1,127})(?:\/(?<version>[0-9A-Za-z]{1,64}))?\/?$/;

/**
 * Takes `https://<vault host>/secrets/<name>[/<version>]` apart (the object identifier of Key Vault, which portals show with a slash at the end).
 * @throws BMSUserErrorInvalidInput, which does not repeat the text: somebody may have put a credential into it
 */
export function parseSecretUri(uri: string): SecretAddress {
  const url = URL.parse(uri);
  const { name, version } = (url && path.exec(url.pathname)?.groups) ?? {};
  const plain = url && url.protocol === 'https:' && !url.username && !url.password && !url.search && !url.hash;
  if (!plain || name === undefined || isForbiddenAddress(url.hostname)) {
    throw new VaultError(
      'BMSUserErrorInvalidInput',
      {
        detail:
          'the URI of the secret must be https://<vault>/secrets/<name> or https://<vault>/secrets/<name>/<version>.',
      },
      { target: 'secretStoreResource.uri' },
    );
  }
  return { vaultUrl: url.origin, host: url.host, name, ...(version === undefined ? {} : { version }) };
}
