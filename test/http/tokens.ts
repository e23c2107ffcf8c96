import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';

/** An issuer of access tokens on loopback: discovery, keys and signing, all real. */
export interface TestIssuer {
  readonly issuer: string;
  readonly audience: string;
  /** A token with good claims, but for what is given; `alg` and `key` for bad ones. */
  token(claims?: Readonly<Record<string, unknown>>, options?: TokenOptions): Promise<string>;
  stop(): Promise<void>;
}

export interface TokenOptions {
  /** Seconds from now. */
  readonly expires?: number;
  readonly notBefore?: number;
  readonly issuer?: string;
  readonly audience?: string;
  /** Signs with a key that the issuer does not publish. */
  readonly foreignKey?: boolean;
  /** Signs with a shared secret, as an attacker who takes the public key for one would. */
  readonly algorithm?: 'HS256';
  readonly withoutExpiry?: boolean;
}

export const audience = 'api://ltr-vault-test';

export async function startIssuer(): Promise<TestIssuer> {
  const own = await generateKeyPair('RS256', { extractable: true });
  const foreign = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(own.publicKey)), kid: 'test-key', use: 'sig' };
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    const document = { issuer: address(), jwks_uri: `${address()}/keys` };
    response.end(JSON.stringify(request.url === '/keys' ? { keys: [jwk] } : document));
  });
  const address = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    issuer: address(),
    audience,
    token: (claims = {}, options = {}) => {
      const now = Math.floor(Date.now() / 1000);
      const token = new SignJWT({
        oid: 'a5c0f3aa-0000-4000-8000-00000000000a',
        preferred_username: 'dba@example.org',
        ...claims,
      })
        .setProtectedHeader({ alg: options.algorithm ?? 'RS256', kid: options.foreignKey ? 'foreign' : 'test-key' })
        .setIssuer(options.issuer ?? address())
        .setAudience(options.audience ?? audience)
        .setNotBefore(now + (options.notBefore ?? 0));
      if (!options.withoutExpiry) token.setExpirationTime(now + (options.expires ?? 3600));
      const secret = new TextEncoder().encode(JSON.stringify(jwk));
      return token.sign(options.algorithm ? secret : options.foreignKey ? foreign.privateKey : own.privateKey);
    },
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
