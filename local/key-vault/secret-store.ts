import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import { readStateFile, writeStateFile } from '../services/state-file.ts';
import { secretNotFound } from './key-vault-error.ts';

const attributes = z.object({
  enabled: z.boolean(),
  /** Unix seconds, as on the wire. */
  created: z.number().int(),
  updated: z.number().int(),
  nbf: z.number().int().optional(),
  exp: z.number().int().optional(),
});
const versionSchema = z.object({
  version: z.string(),
  value: z.string(),
  contentType: z.string().optional(),
  tags: z.record(z.string(), z.string()).optional(),
  attributes,
});
const fileSchema = z.object({
  warning: z.string(),
  secrets: z.record(z.string(), z.object({ name: z.string(), versions: z.array(versionSchema).min(1) })),
});

export type SecretVersion = z.infer<typeof versionSchema>;
type Contents = z.infer<typeof fileSchema>;

export interface NewVersion {
  readonly value: string;
  readonly contentType?: string | undefined;
  readonly tags?: Record<string, string> | undefined;
  readonly attributes?:
    { enabled?: boolean | undefined; nbf?: number | undefined; exp?: number | undefined } | undefined;
}

const WARNING = 'Local emulator of Key Vault: values are in plain text, protected by file permissions alone.';

/**
 * Secrets and all their versions, oldest first, in one file that only its owner may read. A local emulator: nothing
 * here is encrypted. Names are compared without case, as Key Vault does.
 */
export class SecretStore {
  readonly #file: string;
  #contents: Contents;
  #written: Promise<void> = Promise.resolve();

  private constructor(file: string, contents: Contents) {
    this.#file = file;
    this.#contents = contents;
  }

  static async open(directory: string): Promise<SecretStore> {
    const file = path.join(directory, 'secrets.json');
    return new SecretStore(file, (await readStateFile(file, fileSchema)) ?? { warning: WARNING, secrets: {} });
  }

  /** Adds a version, which is the latest from then on. Resolves when it is on disk. */
  async set(name: string, secret: NewVersion): Promise<{ name: string; version: SecretVersion }> {
    const now = Math.floor(Date.now() / 1000);
    const { enabled = true, ...times } = secret.attributes ?? {};
    const version = versionSchema.parse({
      version: randomBytes(16).toString('hex'),
      value: secret.value,
      contentType: secret.contentType,
      tags: secret.tags,
      attributes: { enabled, created: now, updated: now, ...times },
    });
    const entry = this.#contents.secrets[name.toLowerCase()] ?? { name, versions: [] };
    const versions = [...entry.versions, version];
    const secrets = { ...this.#contents.secrets, [name.toLowerCase()]: { name: entry.name, versions } };
    await this.#replace({ ...this.#contents, secrets });
    return { name: entry.name, version };
  }

  /**
   * One version, or the latest.
   * @throws KeyVaultError SecretNotFound
   */
  get(name: string, version?: string): { name: string; version: SecretVersion } {
    const entry = this.#contents.secrets[name.toLowerCase()];
    const found =
      version === undefined ? entry?.versions.at(-1) : entry?.versions.find((each) => each.version === version);
    if (entry === undefined || found === undefined) {
      throw secretNotFound(version === undefined ? name : `${name}/${version}`);
    }
    return { name: entry.name, version: found };
  }

  /** Versions of one secret, oldest first; none for an unknown name, as Key Vault answers. */
  versions(name: string): { name: string; version: SecretVersion }[] {
    const entry = this.#contents.secrets[name.toLowerCase()];
    return entry?.versions.map((version) => ({ name: entry.name, version })) ?? [];
  }

  /** Every secret with its latest version, by name. */
  list(): { name: string; version: SecretVersion }[] {
    return Object.keys(this.#contents.secrets)
      .sort()
      .map((name) => this.get(name));
  }

  /** One write after the other; readers see a version once it is on disk. */
  async #replace(contents: Contents): Promise<void> {
    const write = this.#written.then(() => writeStateFile(this.#file, contents));
    this.#written = write.catch(() => undefined); // The writer below is told; the next write stands for itself.
    await write;
    this.#contents = contents;
  }
}
