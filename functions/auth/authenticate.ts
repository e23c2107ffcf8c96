import { errors, jwtVerify } from 'jose';
import { VaultError } from '../../shared/domain/errors.ts';
import type { Clock } from '../../shared/ports.ts';
import { callerOf } from './caller.ts';
import type { Caller } from './caller.ts';
import { createSigningKeys } from './signing-keys.ts';
import type { IdentityProvider } from './signing-keys.ts';

export interface TokenRules extends IdentityProvider {
  readonly audience: string;
}

/** Checks the value of an Authorization header. */
export type Authenticate = (header: string | null) => Promise<Caller>;

/** Asymmetric only: with a shared-secret algorithm the public key would be the secret. */
const algorithms = ['RS256', 'PS256', 'ES256'];

/** Seconds that clocks may differ. */
const clockTolerance = 30;

/**
 * Bearer tokens (RFC 6750) checked with jose: signature, algorithm, issuer, audience, expiry, not-before.
 * @throws (when called) VaultError AuthenticationFailed, IdentityProviderUnavailable
 */
export function createAuthenticate(rules: TokenRules, clock: Clock): Authenticate {
  const keys = createSigningKeys(rules);
  return async (header) => {
    const token = /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(header ?? '')?.[1];
    if (token === undefined) throw refused('the request has no bearer token.');
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: rules.issuer,
        audience: rules.audience,
        algorithms,
        clockTolerance,
        requiredClaims: ['exp'],
        currentDate: clock(),
      });
      return callerOf(payload);
    } catch (error) {
      if (error instanceof VaultError) throw error;
      throw refused(reasonOf(error), error);
    }
  };
}

const refused = (detail: string, cause?: unknown): VaultError =>
  new VaultError('AuthenticationFailed', { detail }, cause === undefined ? {} : { cause });

/** Why, in words of ours: jose's messages and the token itself are not repeated. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired.';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `the claim '${error.claim}' of the token is not accepted.`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature of the token is wrong.';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the algorithm of the token is not accepted.';
  if (error instanceof errors.JWKSNoMatchingKey) return 'the token was signed with an unknown key.';
  return 'the token is malformed.';
}
