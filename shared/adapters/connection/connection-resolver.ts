import { hostContradicts } from '../../domain/datasource.ts';
import { VaultError } from '../../domain/errors.ts';
import type { Connection, ConnectionResolver, SecretReader } from '../../ports.ts';
import { Secret } from '../../secret.ts';
import { isForbiddenAddress, isLoopbackAddress } from './address-policy.ts';
import type { ConnectionParts } from './connection-string.ts';
import { ConnectionStringFault, parseConnectionString } from './connection-string.ts';

export interface ConnectionResolverOptions {
  readonly secrets: SecretReader;
  /** Every address of a host name, as `dns.promises.lookup(host, { all: true })` gives them. */
  readonly lookup: (host: string) => Promise<readonly { readonly address: string }[]>;
  /** Told every password, so that no log line shows it. */
  readonly remember?: (secret: Secret) => void;
}

/**
 * Turns a secret and a datasource into a connection. The datasource names the database; the secret names server, user and password.
 *
 * SslMode is taken as given. Without one it is Require, so that a password does not cross a network in the clear; Prefer on loopback.
 *
 * Where the host leads is checked here, when it is resolved. The connection resolves it again, so a name server that changes its answer
 * in between is not stopped: the policy keeps people from pointing a secret at a metadata service, it is not a firewall.
 */
export function createConnectionResolver(options: ConnectionResolverOptions): ConnectionResolver {
  return {
    /**
     * @throws VaultError the errors of SecretReader, UserErrorSecretValueInUnsupportedFormat, UserErrorSecretContradictsDatasource,
     * UserErrorForbiddenAddress, UserErrorDBNotFound or UserErrorMissingNetworkSecurityPermissions when the host name does not resolve
     */
    async resolve(secretUri, datasource): Promise<Connection> {
      const value = await options.secrets.read(secretUri);
      const { host, port, user, password, sslMode } = partsOf(value, secretUri);
      if (hostContradicts(datasource, host, port)) {
        throw new VaultError('UserErrorSecretContradictsDatasource', {
          secret: secretUri,
          secretHost: `${host}:${port}`,
          datasourceHost: datasource.declaredHost ?? datasource.serverName,
        });
      }
      const addresses = await addressesOf(host, port, datasource.databaseName, options.lookup);
      if (addresses.some(isForbiddenAddress)) throw new VaultError('UserErrorForbiddenAddress', { host });
      const secret = new Secret(password);
      options.remember?.(secret);
      return {
        host,
        port,
        database: datasource.databaseName,
        user,
        password: secret,
        sslMode: sslMode ?? (addresses.every(isLoopbackAddress) ? 'prefer' : 'require'),
      };
    },
  };
}

function partsOf(value: Secret, secretUri: string): ConnectionParts {
  try {
    return parseConnectionString(value.expose());
  } catch (error) {
    if (!(error instanceof ConnectionStringFault)) throw error;
    throw new VaultError('UserErrorSecretValueInUnsupportedFormat', { secret: secretUri, detail: error.message });
  }
}

async function addressesOf(
  host: string,
  port: number,
  database: string,
  lookup: ConnectionResolverOptions['lookup'],
): Promise<string[]> {
  try {
    const found = await lookup(host);
    if (found.length > 0) return found.map(({ address }) => address);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // ENOTFOUND is the name server's own answer; anything else is about the way to it.
    if (code !== 'ENOTFOUND') {
      const detail = `its name could not be resolved (${code ?? 'unknown failure'}).`;
      throw new VaultError(
        'UserErrorMissingNetworkSecurityPermissions',
        { server: `${host}:${port}`, detail },
        { cause: error },
      );
    }
  }
  throw new VaultError('UserErrorDBNotFound', { database, server: `${host}:${port}` });
}
