import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { VaultError } from '../../domain/errors.ts';
import type { ArchiveStore, ArchiveWriteResult } from '../../ports.ts';
import { damaged } from '../blob/store-faults.ts';

interface StoredBlob {
  readonly bytes: Buffer;
}

interface StoredContainer {
  readonly blobs: Map<string, StoredBlob>;
  /** Names that have uncommitted bytes, and how many writers' they are. */
  readonly uncommitted: Set<string>;
}

/** Blobs in this process only, for tests. Whole blobs are held in memory: not for large ones. */
export function createMemoryArchiveStore(): ArchiveStore {
  const containers = new Map<string, StoredContainer>();

  function at(name: string): StoredContainer {
    const found = containers.get(name);
    if (found) return found;
    throw new VaultError('UserErrorVaultStoreNotAccessible', { detail: `container ${name}: 404 ContainerNotFound` });
  }
  function put(container: string, name: string, bytes: Buffer, { ifAbsent }: { ifAbsent: boolean }): boolean {
    const { blobs } = at(container);
    if (ifAbsent && blobs.has(name)) return false;
    blobs.set(name, { bytes });
    return true;
  }

  return {
    async ensureContainer(container) {
      if (!containers.has(container)) containers.set(container, { blobs: new Map(), uncommitted: new Set() });
    },

    async stage(container, name, source, { signal, onProgress }): Promise<ArchiveWriteResult> {
      const bytes = await readWhole(source, signal);
      const { uncommitted } = at(container);
      if (bytes.length > 0) {
        uncommitted.add(name);
        onProgress?.(bytes.length);
      }
      return {
        storedBytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        blocks: bytes.length > 0 ? 1 : 0,
        async commit() {
          signal.throwIfAborted();
          const discarded = bytes.length > 0 && !uncommitted.delete(name);
          if (discarded || !put(container, name, bytes, { ifAbsent: true })) throw new VaultError('AttemptLost');
        },
        async discard() {
          uncommitted.delete(name);
        },
      };
    },

    async read(container, name, signal) {
      signal.throwIfAborted();
      const blob = at(container).blobs.get(name);
      if (!blob) throw damaged(name, 'is missing');
      const stream = new Readable({ read: () => undefined });
      const onAbort = () => stream.destroy(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      stream.once('close', () => signal.removeEventListener('abort', onAbort));
      for (let at = 0; at < blob.bytes.length; at += 65_536) stream.push(blob.bytes.subarray(at, at + 65_536));
      stream.push(null);
      return stream;
    },

    async readJson<T>(container: string, name: string): Promise<T | undefined> {
      const blob = at(container).blobs.get(name);
      if (!blob) return undefined;
      try {
        const value: T = JSON.parse(blob.bytes.toString());
        return value;
      } catch (error) {
        throw damaged(name, 'is not valid JSON', error);
      }
    },

    writeJsonOnce: async (container, name, value) =>
      put(container, name, Buffer.from(JSON.stringify(value)), { ifAbsent: true }),

    async writeText(container, name, text) {
      put(container, name, Buffer.from(text), { ifAbsent: false });
    },

    async *list(container, prefix) {
      const { blobs } = at(container);
      for (const name of [...blobs.keys()].filter((name) => name.startsWith(prefix)).sort()) {
        yield { name, bytes: blobs.get(name)?.bytes.length ?? 0 };
      }
    },

    async removeFolder(container, prefix) {
      if (!prefix.endsWith('/') || prefix === '/') throw new RangeError('A folder to remove ends in a slash.');
      const { blobs, uncommitted } = containers.get(container) ?? { blobs: new Map(), uncommitted: new Set<string>() };
      const names = new Set([...blobs.keys(), ...uncommitted].filter((name: string) => name.startsWith(prefix)));
      for (const name of names) {
        blobs.delete(name);
        uncommitted.delete(name);
      }
      return names.size;
    },
  };
}

async function readWhole(source: Readable, signal: AbortSignal): Promise<Buffer> {
  const onAbort = () => source.destroy(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await buffer(source);
  } catch (error) {
    source.destroy();
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
