import { createRemoteJWKSet, errors } from 'jose';
import type { JWTVerifyGetKey } from 'jose';
import { VaultError } from '../../shared/domain/errors.ts';
import { remembered } from '../remembered.ts';

export interface IdentityProvider {
  readonly issuer: string;
  /** Where the keys are; undefined: as the issuer's discovery document says. */
  readonly jwksUri?: string;
}

const timeoutMilliseconds = 5000;

/** What jose throws when it has the keys but none fits: the token's fault, not the provider's. */
const tokenFaults = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];

/**
 * The signing keys of the identity provider, fetched when first needed and cached by jose (which reads them again for an unknown key
 * id, but not more often than every 30 seconds).
 * @throws (when called) VaultError IdentityProviderUnavailable when discovery document or keys cannot be read
 */
export function createSigningKeys(provider: IdentityProvider): JWTVerifyGetKey {
  const keySet = remembered(async () =>
    createRemoteJWKSet(new URL(provider.jwksUri ?? (await discoverKeys(provider.issuer))), {
      timeoutDuration: timeoutMilliseconds,
    }),
  );
  return async (header, token) => {
    try {
      return await (
        await keySet()
      )(header, token);
    } catch (error) {
      if (tokenFaults.some((fault) => error instanceof fault)) throw error;
      throw new VaultError('IdentityProviderUnavailable', { issuer: provider.issuer }, { cause: error });
    }
  };
}

/** OpenID Connect Discovery 1.0 §4; the document must name the issuer it was asked of. */
async function discoverKeys(issuer: string): Promise<string> {
  const response = await fetch(`${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(timeoutMilliseconds),
    redirect: 'error',
  });
  if (!response.ok) throw new Error(`The discovery document answered ${response.status}.`);
  const document: unknown = await response.json();
  const { issuer: named, jwks_uri: jwksUri } = document as { issuer?: unknown; jwks_uri?: unknown };
  if (named !== issuer) throw new Error('The discovery document names another issuer.');
  const url = typeof jwksUri === 'string' ? URL.parse(jwksUri) : null;
  const isLoopback = url !== null && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  if (!url || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback))) {
    throw new Error('The discovery document names no usable jwks_uri.');
  }
  return url.href;
}
