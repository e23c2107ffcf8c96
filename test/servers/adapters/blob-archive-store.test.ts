import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBlobArchiveStore } from '../../../shared/adapters/blob/archive-store.ts';
import { vaultStoreFaults } from '../../../shared/adapters/blob/store-faults.ts';
import type { ArchiveStore } from '../../../shared/ports.ts';
import { describeArchiveStore } from '../../contracts/archive-store.ts';
import { describeServers, requireServers } from '../../support/services.ts';
import type { LossyProxy } from './lossy-proxy.ts';
import { startLossyProxy, throughProxy } from './lossy-proxy.ts';

const servers = requireServers();
const MiB = 1024 * 1024;
const never = new AbortController().signal;

const serviceOf = (connectionString: string) => BlobServiceClient.fromConnectionString(connectionString);
const storeOf = (connectionString: string): ArchiveStore =>
  createBlobArchiveStore(serviceOf(connectionString), { faults: vaultStoreFaults, mayCreate: true });

/** `count` MiB that differ from one another, made as they are read. */
async function* generated(count: number) {
  const block = randomBytes(MiB);
  for (let index = 0; index < count; index++) {
    const chunk = Buffer.from(block);
    chunk.writeUInt32LE(index);
    yield chunk;
  }
}

const fromGenerator = (count: number) => Readable.from(generated(count), { objectMode: false, highWaterMark: MiB });

describeServers('Blob storage', () => {
  describeArchiveStore('Blob storage', () => storeOf(servers.storageConnectionString));

  describe('large streams', () => {
    const container = `large-${randomBytes(6).toString('hex')}`;
    let store: ArchiveStore;
    beforeAll(async () => {
      store = storeOf(servers.storageConnectionString);
      await store.ensureContainer(container);
    });
    afterAll(() => serviceOf(servers.storageConnectionString).deleteContainer(container));

    it('are staged and read within the memory budget', async () => {
      const budget = 32 * MiB;
      const before = process.memoryUsage().rss;
      let peak = before;
      const sample = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 10);
      try {
        const staged = await store.stage(container, 'point/a', fromGenerator(600), {
          signal: never,
          memoryBudget: budget,
        });
        expect(staged).toMatchObject({ storedBytes: 600 * MiB, blocks: 75 });
        await staged.commit();
        const hash = createHash('sha256');
        await pipeline(await store.read(container, 'point/a', never), hash);
        expect(hash.digest('hex')).toBe(staged.sha256);
      } finally {
        clearInterval(sample);
      }
      // The budget for blocks, and as much again for sockets, chunks on their way and what the collector has not seen to.
      expect((peak - before) / MiB).toBeLessThan(32 + 96);
    });

    it('wait for the store rather than being read ahead of it', async () => {
      let produced = 0;
      const source = Readable.from(
        (async function* () {
          for await (const chunk of generated(100)) {
            produced += chunk.length;
            yield chunk;
          }
        })(),
        { objectMode: false, highWaterMark: MiB },
      );
      let furthestAhead = 0;
      const onProgress = (storedBytes: number) => (furthestAhead = Math.max(furthestAhead, produced - storedBytes));
      const staged = await store.stage(container, 'point/b', source, {
        signal: never,
        onProgress,
        memoryBudget: 16 * MiB,
      });
      await staged.discard();
      expect(produced).toBe(100 * MiB);
      expect(furthestAhead).toBeLessThan(16 * MiB + 4 * MiB);
    });

    it('go through one block at a time when the budget is smaller than a block', async () => {
      const staged = await store.stage(container, 'point/c', fromGenerator(20), { signal: never, memoryBudget: 1 });
      expect(staged).toMatchObject({ storedBytes: 20 * MiB, blocks: 3 });
      await staged.discard();
    });

    it('end with every upload in flight when the signal fires, and leave nothing that can be read', async () => {
      const abort = new AbortController();
      const reason = new Error('cancelled by somebody');
      const onProgress = () => abort.abort(reason);
      const source = fromGenerator(200);
      const staging = store.stage(container, 'aborted/a', source, { signal: abort.signal, onProgress });
      await expect(staging).rejects.toBe(reason);
      expect(source.destroyed).toBe(true);
      await expect(store.read(container, 'aborted/a', never)).rejects.toMatchObject({
        code: 'UserErrorRecoveryPointDamaged',
      });
      // An upload that was cut off may have reached the service all the same: the sweep of the folder takes it.
      await store.removeFolder(container, 'aborted/');
      expect(await store.removeFolder(container, 'aborted/')).toBe(0);
    });

    it('end when a block cannot be stored, even while the source is silent', async () => {
      const source = new Readable({ read: () => undefined });
      source.push(randomBytes(9 * MiB));
      const staging = store.stage(`${container}-absent`, 'point/a', source, { signal: never });
      await expect(staging).rejects.toMatchObject({
        code: 'UserErrorVaultStoreNotAccessible',
        facts: { detail: `container ${container}-absent: 404 ContainerNotFound` },
      });
      expect(source.destroyed).toBe(true);
    });

    it('are not read ahead of a slow reader', async () => {
      await (await store.stage(container, 'point/d', fromGenerator(64), { signal: never })).commit();
      const stream = await store.read(container, 'point/d', never);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(stream.readableLength).toBeLessThan(2 * MiB);
      stream.destroy();
    });
  });

  describe('on a bad network', () => {
    const container = `lossy-${randomBytes(6).toString('hex')}`;
    let proxy: LossyProxy;
    let store: ArchiveStore;
    beforeAll(async () => {
      proxy = await startLossyProxy(servers.blobEndpoint);
      store = storeOf(throughProxy(servers.storageConnectionString, 'BlobEndpoint', proxy));
      await store.ensureContainer(container);
    });
    afterAll(() => proxy.stop());

    async function written(name: string, source: Readable): Promise<string> {
      const staged = await store.stage(container, name, source, { signal: never });
      await staged.commit();
      return staged.sha256;
    }

    it('a download that breaks goes on at its offset, as often as it must', async () => {
      const sha256 = await written('point/read', fromGenerator(20));
      const before = proxy.lost;
      proxy.cutDownloads(1_500_000, 12);
      const hash = createHash('sha256');
      await pipeline(await store.read(container, 'point/read', never), hash);
      expect(hash.digest('hex')).toBe(sha256);
      expect(proxy.lost - before).toBe(12);
    });

    it('a download never mixes two versions of a blob', async () => {
      await store.writeText(container, 'point/text', 'one '.repeat(MiB));
      proxy.cutDownloads(100_000, 1);
      const stream = await store.read(container, 'point/text', never);
      await storeOf(servers.storageConnectionString).writeText(container, 'point/text', 'two '.repeat(MiB));
      const reading = pipeline(stream, createHash('sha256'));
      await expect(reading).rejects.toMatchObject({
        code: 'UserErrorVaultStoreNotAccessible',
        facts: { detail: `container ${container}: 412 ConditionNotMet` },
      });
    });

    it('a commit whose answer was lost still succeeds', async () => {
      const staged = await store.stage(container, 'point/commit', fromGenerator(1), { signal: never });
      const before = proxy.lost;
      proxy.loseNextAnswer('PUT');
      await staged.commit();
      expect(proxy.lost - before).toBe(1);
      await expect(staged.commit()).resolves.toBeUndefined();
    });

    it('a document whose answer was lost was still written once, by this writer', async () => {
      const before = proxy.lost;
      proxy.loseNextAnswer('PUT');
      expect(await store.writeJsonOnce(container, 'point/manifest.json', { mine: true })).toBe(true);
      expect(proxy.lost - before).toBe(1);
      expect(await store.writeJsonOnce(container, 'point/manifest.json', { mine: false })).toBe(false);
    });

    it('a block whose answer was lost is staged once', async () => {
      proxy.loseNextAnswer('PUT');
      const sha256 = await written('point/block', fromGenerator(17));
      const hash = createHash('sha256');
      await pipeline(await store.read(container, 'point/block', never), hash);
      expect(hash.digest('hex')).toBe(sha256);
    });
  });
});
