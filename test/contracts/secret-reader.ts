import { inspect } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SecretReader } from '../../shared/ports.ts';

export interface SecretReaderUnderTest {
  readonly reader: SecretReader;
  /** `https://…` of a vault that the reader may read, without a slash at the end. */
  readonly vaultUrl: string;
  /** Of a vault that is not there. */
  readonly absentVaultUrl: string;
  /** Adds a version and gives its id. */
  set(name: string, value: string, options?: { enabled?: boolean }): Promise<string>;
}

/** What every SecretReader does. */
export function describeSecretReader(name: string, make: () => Promise<SecretReaderUnderTest>): void {
  describe(`the secret reader of ${name}`, () => {
    let made: SecretReaderUnderTest;
    beforeAll(async () => {
      made = await make();
    });
    const read = (path: string) => made.reader.read(`${made.vaultUrl}/secrets/${path}`);

    it('gives the value, which prints as redacted', async () => {
      await made.set('first', 'canary;=" ä');
      const secret = await read('first');
      expect(secret.expose()).toBe('canary;=" ä');
      expect(`${String(secret)} ${JSON.stringify({ secret })} ${inspect(secret)}`).not.toContain('canary');
    });

    it('reads the latest version each time, and an older one by its id', async () => {
      const first = await made.set('rotated', 'one');
      expect((await read('rotated')).expose()).toBe('one');
      await made.set('rotated', 'two');
      expect((await read('rotated')).expose()).toBe('two');
      expect((await read('rotated/')).expose()).toBe('two');
      expect((await read(`rotated/${first}`)).expose()).toBe('one');
    });

    it.each([
      ['never set', async () => 'absent'],
      [
        'of a version that is not there',
        async () => `versions/${await made.set('versions', 'x').then(() => '0'.repeat(32))}`,
      ],
      ['disabled', async () => made.set('disabled', 'x', { enabled: false }).then(() => 'disabled')],
    ])('calls a secret invalid that is %s', async (_, prepare) => {
      const path = await prepare();
      await expect(read(path)).rejects.toMatchObject({
        code: 'UserErrorInvalidSecret',
        facts: { secret: `${made.vaultUrl}/secrets/${path}` },
      });
    });

    it('calls a vault invalid that is not there', async () => {
      const { host } = new URL(made.absentVaultUrl);
      await expect(made.reader.read(`${made.absentVaultUrl}/secrets/any`)).rejects.toMatchObject({
        code: 'UserErrorInvalidSecretStore',
        facts: { store: host },
      });
    });

    it.each([
      'canary',
      'http://kv.vault.azure.net/secrets/canary',
      'https://user:canary@kv.vault.azure.net/secrets/a',
      'https://kv.vault.azure.net/secrets/a?canary=1',
      'https://kv.vault.azure.net/secrets/a#canary',
      'https://kv.vault.azure.net/keys/canary',
      'https://kv.vault.azure.net/secrets/',
      'https://kv.vault.azure.net/secrets/a/b/canary',
      'https://kv.vault.azure.net/secrets/can_ary',
      'https://kv.vault.azure.net/x/../secrets/a%2Fcanary',
      'https://169.254.169.254/secrets/canary',
      'https://[::ffff:169.254.169.254]/secrets/canary',
    ])('refuses %s, without saying it again', async (uri) => {
      const failure: unknown = await made.reader.read(uri).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'BMSUserErrorInvalidInput', target: 'secretStoreResource.uri' });
      expect(JSON.stringify(failure) + String(failure)).not.toContain('canary');
    });
  });
}
