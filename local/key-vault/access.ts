import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import { KeyVaultError } from './key-vault-error.ts';

/** The rights of the two built-in roles: Key Vault Secrets User and Key Vault Secrets Officer. */
export type Right = 'get' | 'list' | 'set';

export interface AccessOptions {
  readonly issuer: string;
  readonly jwksUri: string;
  /** What a token must be for, `https://vault.azure.net`. */
  readonly audience: string;
  /** Tenant URL that the challenge names as the authority. */
  readonly authority: string;
  /** Rights by object id; a principal that is not named has none. */
  readonly rights: Readonly<Record<string, readonly Right[]>>;
}

export interface Access {
  /** Value of WWW-Authenticate for a request without a usable token. */
  readonly challenge: string;
  /**
   * @param authorization the request's Authorization header
   * @throws KeyVaultError 401 Unauthorized for a missing or bad token, 403 Forbidden when the caller lacks the right
   */
  check(authorization: string | undefined, right: Right): Promise<void>;
}

/** Checks bearer tokens of the local issuer as Key Vault checks those of Entra ID. */
export function createAccess(options: AccessOptions): Access {
  const keys = createRemoteJWKSet(new URL(options.jwksUri));
  const unauthorized = (message: string): KeyVaultError => new KeyVaultError(401, 'Unauthorized', message);
  return {
    challenge: `Bearer authorization="${options.authority}", resource="${options.audience}"`,
    async check(authorization, right) {
      const token = /^Bearer ([\w.-]+)$/i.exec(authorization ?? '')?.[1];
      if (token === undefined) throw unauthorized('AKV10000: Request is missing a Bearer or PoP token.');
      const { payload } = await jwtVerify(token, keys, {
        issuer: options.issuer,
        audience: options.audience,
        algorithms: ['RS256'],
        requiredClaims: ['exp', 'oid'],
      }).catch((error: unknown) => {
        if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout)) {
          throw unauthorized(`AKV10032: The token is not acceptable (${error.code}).`);
        }
        throw error;
      });
      const granted = options.rights[String(payload['oid'])] ?? [];
      if (!granted.includes(right)) {
        throw new KeyVaultError(
          403,
          'Forbidden',
          `Caller is not authorized to perform secrets/${right} on this vault. Caller: oid=${String(payload['oid'])}`,
          'ForbiddenByRbac',
        );
      }
    },
  };
}
