import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { clientCredentials } from '../../local/api-client.ts';
import type { Target } from './target.ts';

/** Sets a secret by Key Vault's REST API, as the contributor. @returns the secret's URI without version */
export async function setSecret(target: Target, name: string, value: string): Promise<string> {
  const token = await clientCredentials({
    tokenUrl: target.tokenEndpoint,
    clientId: target.contributor.id,
    clientSecret: target.contributor.secret,
    scope: 'https://vault.azure.net/.default',
  })();
  const uri = `${target.keyVaultUrl}/secrets/${name}`;
  const body = JSON.stringify({ value });
  // node:https because it takes the emulator's certificate authority for one request; fetch would need it at process start.
  const status = await new Promise<number>((resolve, reject) => {
    const call = request(
      `${uri}?api-version=7.4`,
      {
        method: 'PUT',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
        ...(target.keyVaultCaFile === undefined ? {} : { ca: readFileSync(target.keyVaultCaFile) }),
      },
      (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0));
      },
    );
    call.once('error', reject).end(body);
  });
  if (status !== 200) throw new Error(`the key vault answered ${String(status)} to a PUT of the secret ${name}`);
  return uri;
}
