import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ArchiveStore } from '../../shared/ports.ts';

const never = new AbortController().signal;

/** What every ArchiveStore does. `make` gives a store without the containers `contract-…`. */
export function describeArchiveStore(name: string, make: () => ArchiveStore | Promise<ArchiveStore>): void {
  describe(`the archive store in ${name}`, () => {
    const container = `contract-${randomBytes(6).toString('hex')}`;
    let store: ArchiveStore;
    let folders = 0;
    const fresh = () => `instance/point-${folders++}/`;
    beforeAll(async () => {
      store = await make();
      await store.ensureContainer(container);
    });

    const context: Context = [() => store, container, fresh];
    describeContainers(...context);
    describeStaging(...context);
    describeStagingFailures(...context);
    describeReading(...context);
    describeSmallBlobs(...context);
    describeFolders(...context);
  });
}

type Context = [store: () => ArchiveStore, container: string, fresh: () => string];

async function namesUnder(store: ArchiveStore, container: string, prefix: string): Promise<string[]> {
  const names = [];
  for await (const { name } of store.list(container, prefix)) names.push(name);
  return names;
}

/** The bytes in chunks that are no divisor of any block. */
const inChunks = (bytes: Buffer, size = 77_777) =>
  Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    })(),
    { objectMode: false },
  );

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

function describeContainers(...[store, container]: Context): void {
  it('makes a container that may be there already', async () => {
    await store().ensureContainer(container);
    await Promise.all([1, 2, 3].map(() => store().ensureContainer(`${container}-race`)));
    expect(await namesUnder(store(), `${container}-race`, '')).toEqual([]);
  });

  it('calls the store not accessible when the container is absent', async () => {
    const absent = `${container}-absent`;
    const notAccessible = { code: 'UserErrorVaultStoreNotAccessible' };
    await expect(store().readJson(absent, 'a/b.json')).rejects.toMatchObject(notAccessible);
    await expect(store().writeJsonOnce(absent, 'a/b.json', {})).rejects.toMatchObject(notAccessible);
    await expect(store().writeText(absent, 'a/b.txt', 'text')).rejects.toMatchObject(notAccessible);
    await expect(store().read(absent, 'a/b', never)).rejects.toMatchObject(notAccessible);
    await expect(namesUnder(store(), absent, '')).rejects.toMatchObject(notAccessible);
    const source = inChunks(Buffer.from('some bytes'));
    await expect(store().stage(absent, 'a/b', source, { signal: never })).rejects.toMatchObject(notAccessible);
    expect(await store().removeFolder(absent, 'a/')).toBe(0);
  });
}

function describeStaging(...[store, container, fresh]: Context): void {
  it('stages a stream of several blocks, and gives it back byte for byte once committed', async () => {
    const name = `${fresh()}data.dump.zst`;
    const bytes = randomBytes(21_000_001);
    const progress: number[] = [];
    const staged = await store().stage(container, name, inChunks(bytes), {
      signal: never,
      onProgress: (storedBytes) => progress.push(storedBytes),
    });
    expect(staged).toMatchObject({ storedBytes: bytes.length, sha256: sha256(bytes) });
    expect(progress.at(-1)).toBe(bytes.length);
    expect(progress).toEqual([...progress].sort((one, other) => one - other));
    await staged.commit();
    const found = await buffer(await store().read(container, name, never));
    expect(sha256(found)).toBe(staged.sha256);
  });

  it.each([0, 1, 65_536, 8 * 1024 * 1024])('keeps a stream of %i bytes', async (length) => {
    const name = `${fresh()}data.dump.zst`;
    const bytes = randomBytes(length);
    const staged = await store().stage(container, name, inChunks(bytes), { signal: never });
    expect(staged).toMatchObject({ storedBytes: length, sha256: sha256(bytes), blocks: length === 0 ? 0 : 1 });
    await staged.commit();
    expect((await buffer(await store().read(container, name, never))).equals(bytes)).toBe(true);
  });

  it('lets nothing be read under the name before the commit', async () => {
    const folder = fresh();
    const name = `${folder}data.dump.zst`;
    const staged = await store().stage(container, name, inChunks(randomBytes(100_000)), { signal: never });
    await expect(store().read(container, name, never)).rejects.toMatchObject({ code: 'UserErrorRecoveryPointDamaged' });
    expect(await namesUnder(store(), container, folder)).toEqual([]);
    await staged.commit();
    expect(await namesUnder(store(), container, folder)).toEqual([name]);
  });

  it('never replaces a blob: the commit fails when the name is taken', async () => {
    const name = `${fresh()}data.dump.zst`;
    const first = await store().stage(container, name, inChunks(Buffer.from('first')), { signal: never });
    await first.commit();
    const second = await store().stage(container, name, inChunks(Buffer.from('second')), { signal: never });
    await expect(second.commit()).rejects.toMatchObject({ code: 'AttemptLost' });
    expect((await buffer(await store().read(container, name, never))).toString()).toBe('first');
  });

  it('throws staged blocks away, after which they cannot be committed', async () => {
    const folder = fresh();
    const staged = await store().stage(container, `${folder}a`, inChunks(randomBytes(100_000)), { signal: never });
    await staged.discard();
    await staged.discard();
    expect(await store().removeFolder(container, folder)).toBe(0);
    await expect(staged.commit()).rejects.toMatchObject({ code: 'AttemptLost' });
    expect(await namesUnder(store(), container, folder)).toEqual([]);
  });

  it('keeps a blob that was committed when its writer discards after all', async () => {
    const name = `${fresh()}data.dump.zst`;
    const staged = await store().stage(container, name, inChunks(Buffer.from('kept')), { signal: never });
    await staged.commit();
    await staged.discard();
    expect((await buffer(await store().read(container, name, never))).toString()).toBe('kept');
  });
}

function describeStagingFailures(...[store, container, fresh]: Context): void {
  async function* thenThrow(bytes: number, error: Error) {
    yield randomBytes(bytes);
    await sleep(10);
    throw error;
  }

  it('fails with the error of the source, leaving nothing that can be read', async () => {
    const folder = fresh();
    const error = new Error('pg_dump ended with exit code 1');
    const source = Readable.from(thenThrow(9_000_000, error), { objectMode: false });
    await expect(store().stage(container, `${folder}a`, source, { signal: never })).rejects.toBe(error);
    expect(await namesUnder(store(), container, folder)).toEqual([]);
  });

  it('takes a source that was destroyed for a failure, not for its end', async () => {
    const source = new Readable({ read: () => undefined });
    source.push(randomBytes(1000));
    setTimeout(() => source.destroy(), 20);
    await expect(store().stage(container, `${fresh()}a`, source, { signal: never })).rejects.toThrow(
      /premature close/i,
    );
  });

  it('ends with the reason when the signal fires while the source is silent, and destroys the source', async () => {
    const folder = fresh();
    const source = new Readable({ read: () => undefined });
    source.push(randomBytes(9_000_000));
    const abort = new AbortController();
    const staging = store().stage(container, `${folder}a`, source, { signal: abort.signal });
    const reason = new Error('cancelled by somebody');
    setTimeout(() => abort.abort(reason), 50);
    await expect(staging).rejects.toBe(reason);
    expect(source.destroyed).toBe(true);
    expect(await namesUnder(store(), container, folder)).toEqual([]);
  });

  it('does not start, and commits nothing, when the signal has fired', async () => {
    const name = `${fresh()}a`;
    const reason = new Error('too late');
    const source = inChunks(randomBytes(10));
    const started = store().stage(container, name, source, { signal: AbortSignal.abort(reason) });
    await expect(started).rejects.toBe(reason);
    expect(source.destroyed).toBe(true);
    const abort = new AbortController();
    const staged = await store().stage(container, name, inChunks(randomBytes(10)), { signal: abort.signal });
    abort.abort(reason);
    await expect(staged.commit()).rejects.toBe(reason);
    expect(await namesUnder(store(), container, name)).toEqual([]);
  });
}

function describeReading(...[store, container, fresh]: Context): void {
  async function written(bytes: Buffer): Promise<string> {
    const name = `${fresh()}data.dump.zst`;
    await (await store().stage(container, name, inChunks(bytes), { signal: never })).commit();
    return name;
  }

  it('names the file that is missing', async () => {
    await expect(store().read(container, 'instance/point/gone.zst', never)).rejects.toMatchObject({
      code: 'UserErrorRecoveryPointDamaged',
      facts: { point: 'instance/point', detail: 'gone.zst is missing' },
    });
  });

  it('ends with the reason when the signal fires in the middle', async () => {
    const name = await written(randomBytes(12_000_000));
    const abort = new AbortController();
    const reason = new Error('cancelled by somebody');
    const reading = pipeline(await store().read(container, name, abort.signal), async function (chunks) {
      for await (const _ of chunks) abort.abort(reason);
    });
    await expect(reading).rejects.toBe(reason);
    await expect(store().read(container, name, abort.signal)).rejects.toBe(reason);
  });

  it('lets a reader stop early', async () => {
    const stream = await store().read(container, await written(randomBytes(12_000_000)), never);
    for await (const _ of stream) break;
    expect(stream.destroyed).toBe(true);
  });
}

function describeSmallBlobs(...[store, container, fresh]: Context): void {
  it('writes a JSON document once, whoever comes first, and reads it back', async () => {
    const name = `${fresh()}manifest.json`;
    expect(await store().readJson(container, name)).toBeUndefined();
    const writers = Array.from({ length: 8 }, (_, writer) =>
      store().writeJsonOnce(container, name, { writer, ä: '東京' }),
    );
    const won = await Promise.all(writers);
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(await store().readJson(container, name)).toEqual({ writer: won.indexOf(true), ä: '東京' });
    expect(await store().writeJsonOnce(container, name, {})).toBe(false);
  });

  it('writes text, replacing what was there, and says when it is not JSON', async () => {
    const name = `${fresh()}restore.sh`;
    await store().writeText(container, name, 'first and longer\n');
    await store().writeText(container, name, 'Grüße\n');
    expect((await buffer(await store().read(container, name, never))).toString()).toBe('Grüße\n');
    await expect(store().readJson(container, name)).rejects.toMatchObject({ code: 'UserErrorRecoveryPointDamaged' });
  });

  it('lists what is under a prefix in order, with sizes', async () => {
    const folder = fresh();
    for (const name of ['b', 'a 1', 'sub/ü']) await store().writeText(container, `${folder}${name}`, name);
    const listed = [];
    for await (const object of store().list(container, folder)) listed.push(object);
    expect(listed).toEqual([
      { name: `${folder}a 1`, bytes: 3 },
      { name: `${folder}b`, bytes: 1 },
      { name: `${folder}sub/ü`, bytes: 6 },
    ]);
    expect(await namesUnder(store(), container, `${folder}a`)).toEqual([`${folder}a 1`]);
  });
}

function describeFolders(...[store, container, fresh]: Context): void {
  it('removes a folder with all that is in it, uncommitted blobs too, and nothing beside it', async () => {
    const folder = fresh();
    const beside = `${folder.slice(0, -1)}x/kept`;
    await store().writeText(container, beside, 'kept');
    const names = Array.from({ length: 20 }, (_, index) => `${folder}part-${index}`);
    await Promise.all(names.map((name) => store().writeText(container, name, 'x')));
    const bytes = inChunks(randomBytes(1000));
    const staged = await store().stage(container, `${folder}sub/staged`, bytes, { signal: never });
    expect(await store().removeFolder(container, folder)).toBe(21);
    expect(await store().removeFolder(container, folder)).toBe(0);
    expect(await namesUnder(store(), container, folder)).toEqual([]);
    await expect(staged.commit()).rejects.toMatchObject({ code: 'AttemptLost' });
    expect(await namesUnder(store(), container, beside)).toEqual([beside]);
  });

  it.each(['', '/', 'instance'])('refuses to remove "%s", which is no folder', async (prefix) => {
    await expect(store().removeFolder(container, prefix)).rejects.toThrow(RangeError);
  });
}
