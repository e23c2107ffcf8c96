import { beforeAll, describe, expect, it } from 'vitest';
import type { RowStore } from '../../shared/ports.ts';

/** What every RowStore does. `make` gives a store whose tables are empty, or whose table names nobody else uses. */
export function describeRowStore(name: string, make: () => RowStore | Promise<RowStore>): void {
  describe(`the row store in ${name}`, () => {
    let rows: RowStore;
    let partitions = 0;
    const fresh = () => `partition-${partitions++}`;
    beforeAll(async () => {
      rows = await make();
    });

    describeWrites(() => rows, fresh);
    describeDocuments(() => rows, fresh);
    describeLists(() => rows, fresh);
  });
}

type Context = [rows: () => RowStore, fresh: () => string];

function describeWrites(...[rows, fresh]: Context): void {
  it('gives back what was inserted, and undefined for what was not', async () => {
    const partition = fresh();
    const inserted = await rows().insert('things', partition, 'a', { colour: 'red' });
    expect(inserted).toMatchObject({ partition, key: 'a', value: { colour: 'red' } });
    expect(await rows().get('things', partition, 'a')).toEqual(inserted);
    expect(await rows().get('things', partition, 'b')).toBeUndefined();
    expect(await rows().get('things', fresh(), 'a')).toBeUndefined();
    expect(await rows().get('others', partition, 'a')).toBeUndefined();
  });

  it('lets exactly one of many inserts of the same row win', async () => {
    const partition = fresh();
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, writer) => rows().insert('things', partition, 'slot', { writer })),
    );
    const winners = results.filter((row) => row !== undefined);
    expect(winners).toHaveLength(1);
    expect(await rows().get('things', partition, 'slot')).toEqual(winners[0]);
  });

  it('replaces only the row that has the ETag', async () => {
    const partition = fresh();
    const first = await rows().upsert('things', partition, 'a', { step: 1 });
    const second = await rows().replace('things', first, { step: 2 });
    expect(second?.etag).not.toBe(first.etag);
    expect(await rows().replace('things', first, { step: 3 })).toBeUndefined();
    expect(await rows().get('things', partition, 'a')).toEqual(second);
  });

  it('lets exactly one of many replacements under the same ETag win', async () => {
    const row = await rows().upsert('things', fresh(), 'a', { step: 0 });
    const results = await Promise.all(Array.from({ length: 12 }, (_, step) => rows().replace('things', row, { step })));
    expect(results.filter((result) => result !== undefined)).toHaveLength(1);
  });

  it('replaces the whole document, leaving nothing of a longer one', async () => {
    const row = await rows().upsert('things', fresh(), 'a', { long: 'x'.repeat(200_000) });
    await rows().replace('things', row, { short: true });
    expect((await rows().get('things', row.partition, 'a'))?.value).toEqual({ short: true });
  });

  it('does not bring a removed row back by a replacement', async () => {
    const row = await rows().upsert('things', fresh(), 'a', {});
    expect(await rows().remove('things', row)).toBe(true);
    expect(await rows().replace('things', row, {})).toBeUndefined();
    expect(await rows().get('things', row.partition, 'a')).toBeUndefined();
  });

  it('removes only the row that has the ETag, and says so', async () => {
    const row = await rows().upsert('things', fresh(), 'a', { step: 1 });
    const changed = await rows().upsert('things', row.partition, 'a', { step: 2 });
    expect(await rows().remove('things', row)).toBe(false);
    expect(await rows().remove('things', changed)).toBe(true);
    expect(await rows().remove('things', changed)).toBe(false);
  });

  it('gives a row that was removed and inserted again another ETag', async () => {
    const row = await rows().upsert('things', fresh(), 'a', {});
    await rows().remove('things', row);
    await rows().insert('things', row.partition, 'a', {});
    expect(await rows().replace('things', row, { late: true })).toBeUndefined();
  });
}

function describeDocuments(...[rows, fresh]: Context): void {
  it.each([
    ['quotes and backslashes', { text: `it's "quoted" \\ and \\\\ \\u0041 back` }],
    ['control characters', { text: '\u0000\u0001\t\r\n\u2028\u2029' }],
    ['other scripts and pairs', { text: 'Grüße 東京 🐘'.repeat(5_000) }],
    [
      'what looks like the wire format',
      { 'odata.etag': 'x', PartitionKey: 'y', d0: 'z', n: 3, w: '', at: "datetime'2026'" },
    ],
    ['nested values and nulls', { list: [1, 1.5, -0.1, null, [true, [false]]], none: null, big: 2 ** 53 - 1 }],
    ['a bare string', 'just text'],
    ['an empty object', {}],
  ])('keeps %s as they are', async (_, value) => {
    const partition = fresh();
    await rows().insert('things', partition, 'a', value);
    // Not toEqual on large text: its difference would fill the screen.
    expect(JSON.stringify((await rows().get('things', partition, 'a'))?.value) === JSON.stringify(value)).toBe(true);
  });

  it('holds a document of 500 KB, and a page of several', async () => {
    const partition = fresh();
    const value = { text: '0123456789'.repeat(49_900) };
    for (const key of ['a', 'b', 'c']) await rows().insert('things', partition, key, value);
    const found = [];
    for await (const row of everyRow(rows(), partition, 10)) found.push(row.value);
    expect(found.length).toBe(3);
    expect(found.every((one) => (one as { text: string }).text === value.text)).toBe(true);
  });

  it('refuses a larger document, and what is not JSON', async () => {
    await expect(rows().insert('things', fresh(), 'a', 'x'.repeat(500_001))).rejects.toThrow(RangeError);
    await expect(rows().insert('things', fresh(), 'a', undefined)).rejects.toThrow(RangeError);
  });

  it('does not share the document with the caller', async () => {
    const value = { list: [1] };
    const row = await rows().insert('things', fresh(), 'a', value);
    value.list.push(2);
    const found = await rows().get<{ list: number[] }>('things', row?.partition ?? '', 'a');
    expect(found?.value).toEqual({ list: [1] });
  });

  it.each([
    'sub|rg-1|vault.a|instance_b',
    '2026-11-23T08:00:00.000Z',
    'a/b\\c#d?e%f!g',
    '%2F',
    "it's 'quoted'",
    'Gruppe (ä) 東京',
    '0010',
    '1e5',
    ' spaces ',
    'a+b&c=d',
  ])('finds the row under the key "%s"', async (key) => {
    const row = await rows().insert('things', `${fresh()} ${key}`, key, { key });
    expect(row).toMatchObject({ key });
    expect(await rows().get('things', row?.partition ?? '', key)).toEqual(row);
    expect((await rows().list('things', row?.partition ?? '', { pageSize: 5 })).rows).toEqual([row]);
    expect(row && (await rows().replace('things', row, {}))).toBeDefined();
  });

  it('refuses an empty key and one that is too long', async () => {
    await expect(rows().insert('things', fresh(), '', {})).rejects.toThrow(RangeError);
    await expect(rows().get('things', '', 'a')).rejects.toThrow(RangeError);
    await expect(rows().insert('things', fresh(), 'k'.repeat(513), {})).rejects.toThrow(RangeError);
  });
}

function describeLists(...[rows, fresh]: Context): void {
  it('lists one partition in bytewise order of the keys, whatever the order of insertion', async () => {
    const partition = fresh();
    const keys = ['b', 'a|2', '10', '9', '010', 'a', 'a-b', 'B', 'a|10', '1e3', 'a_b', 'a.b', 'a:b', 'a~'];
    for (const key of keys) await rows().insert('things', partition, key, { key });
    await rows().insert('things', `${partition}x`, 'a', {});
    const { rows: listed, continuation } = await rows().list('things', partition, { pageSize: 100 });
    expect(listed.map((row) => row.key)).toEqual([...keys].sort((one, other) => (one < other ? -1 : 1)));
    expect(continuation).toBeUndefined();
  });

  it('lists from a bound, inclusive, to a bound, exclusive', async () => {
    const partition = fresh();
    for (const key of ['a', 'b', 'c', 'd']) await rows().insert('things', partition, key, {});
    const keys = async (range: { from?: string; before?: string }) =>
      (await rows().list('things', partition, { ...range, pageSize: 10 })).rows.map((row) => row.key);
    expect(await keys({ from: 'b' })).toEqual(['b', 'c', 'd']);
    expect(await keys({ before: 'c' })).toEqual(['a', 'b']);
    expect(await keys({ from: 'b', before: 'd' })).toEqual(['b', 'c']);
    expect(await keys({ from: 'e' })).toEqual([]);
    expect(await keys({ from: "x' or RowKey ge 'a" })).toEqual([]);
  });

  it('reads on from where a page ended, missing nothing and repeating nothing', async () => {
    const partition = fresh();
    const keys = Array.from({ length: 23 }, (_, index) => `key-${String(index).padStart(3, '0')}`);
    await Promise.all(keys.map((key) => rows().insert('things', partition, key, {})));
    const first = await rows().list('things', partition, { pageSize: 5, from: 'key-001', before: 'key-022' });
    expect(first.rows).toHaveLength(5);
    expect(first.continuation).toBeTypeOf('string');
    const found = [];
    for await (const row of everyRow(rows(), partition, 5, { from: 'key-001', before: 'key-022' })) found.push(row.key);
    expect(found).toEqual(keys.slice(1, 22));
  });

  it('gives no rows of another partition to a continuation from there', async () => {
    const [one, other] = [fresh(), fresh()];
    for (const key of ['a', 'b', 'c']) await rows().insert('things', one, key, {});
    await rows().insert('things', other, 'z', {});
    const { continuation } = await rows().list('things', one, { pageSize: 1 });
    const page = await rows().list('things', other, { pageSize: 10, ...(continuation ? { continuation } : {}) });
    expect(page.rows.every((row) => row.partition === other)).toBe(true);
  });

  it('refuses a continuation it did not make, and a page without a size', async () => {
    const list = (range: { pageSize: number; continuation?: string }) => rows().list('things', fresh(), range);
    await expect(list({ pageSize: 1, continuation: 'nonsense' })).rejects.toMatchObject({
      code: 'BMSUserErrorInvalidInput',
    });
    await expect(list({ pageSize: 0 })).rejects.toThrow(RangeError);
    await expect(list({ pageSize: 1001 })).rejects.toThrow(RangeError);
  });
}

async function* everyRow(rows: RowStore, partition: string, pageSize: number, range: object = {}) {
  let continuation: string | undefined;
  do {
    const page = await rows.list('things', partition, {
      ...range,
      pageSize,
      ...(continuation ? { continuation } : {}),
    });
    yield* page.rows;
    continuation = page.continuation;
  } while (continuation !== undefined);
}
