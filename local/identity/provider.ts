import Provider, { errors } from 'oidc-provider';
import type { Adapter, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { PRINCIPALS, PRINCIPAL_NAMES } from './identity-state.ts';
import type { IdentityState } from './identity-state.ts';

/** Audiences of the Azure services that the app talks to; the app's own API is added. */
export const KEY_VAULT_AUDIENCE = 'https://vault.azure.net';
export const STORAGE_AUDIENCE = 'https://storage.azure.com';

const TOKEN_SECONDS = 3600;

/**
 * The OpenID provider: discovery, keys, and JWT access tokens for the client-credentials grant. What a token is for is
 * said as Entra ID clients say it (`scope=<audience>/.default`) or by a resource indicator (`resource=<audience>`, RFC 8707);
 * without either it is the app's API. Tokens carry Entra ID's `oid`, `tid`, `appid`, `name` and, for the app's API, `roles`.
 */
export function createProvider(issuer: string, audience: string, state: IdentityState): Provider {
  const audiences = new Set([audience, KEY_VAULT_AUDIENCE, STORAGE_AUDIENCE]);
  const configuration: Configuration = {
    adapter: NothingStored,
    jwks: { keys: [state.signingKey] },
    cookies: { keys: [state.cookieKey] },
    clients: PRINCIPAL_NAMES.map((name) => ({
      client_id: name,
      client_secret: state.principals[name].clientSecret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
    })),
    scopes: [...audiences].map((each) => `${each}/.default`),
    responseTypes: ['code'],
    clientAuthMethods: ['client_secret_post'],
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      dPoP: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (ctx) => requestedAudience(ctx) ?? audience,
        getResourceServerInfo(_ctx, resource) {
          const plain = resource.replace(/\/$/, '');
          if (!audiences.has(plain)) throw new errors.InvalidTarget(`no such resource: ${resource}`);
          return {
            scope: `${plain}/.default`,
            audience: plain,
            accessTokenFormat: 'jwt',
            accessTokenTTL: TOKEN_SECONDS,
            jwt: { sign: { alg: 'RS256' } },
          };
        },
      },
    },
    ttl: { ClientCredentials: TOKEN_SECONDS },
    extraTokenClaims(_ctx, token) {
      const name = PRINCIPAL_NAMES.find((each) => each === token.clientId);
      if (name === undefined) return undefined;
      return {
        oid: state.principals[name].objectId,
        tid: state.tenantId,
        appid: name,
        name,
        ver: '2.0',
        // Entra ID puts a role into tokens for the API that defines it, and leaves the claim out when there is none.
        ...(token.aud === audience && PRINCIPALS[name].length > 0 ? { roles: PRINCIPALS[name] } : {}),
      };
    },
  };
  return new Provider(issuer, configuration);
}

/** Signed tokens need no record; whatever would need one is refused, so that a restart cannot lose anything. */
class NothingStored implements Adapter {
  upsert = refuse;
  find = absent;
  findByUserCode = absent;
  findByUid = absent;
  consume = refuse;
  destroy = refuse;
  revokeByGrantId = refuse;
}
const refuse = (): Promise<never> => Promise.reject(new Error('this provider keeps no records'));
const absent = (): Promise<undefined> => Promise.resolve(undefined);

/** The audience of an Entra-style scope, `<audience>/.default`. */
function requestedAudience(ctx: KoaContextWithOIDC): string | undefined {
  const scope = ctx.oidc.params?.['scope'];
  if (typeof scope !== 'string' || scope.includes(' ')) return undefined;
  return /^(.+)\/\.default$/.exec(scope)?.[1];
}
