import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type pg from 'pg';
import { compareDatabases } from '../../../local/demo/compare.ts';
import { ensureDemoDatabase, withClient } from '../../../local/demo/demo-database.ts';
import { createTestDatabase, describeServers } from '../../support/services.ts';

const servers = inject('servers');

describeServers('comparing two databases', () => {
  const config = (database: string): pg.ClientConfig => {
    const { host, port, user, password } = servers?.postgres ?? { host: '', port: 0, user: '', password: '' };
    return { host, port, user, password, database };
  };
  let drops: (() => Promise<void>)[] = [];
  let source = '';
  let copy = '';

  beforeAll(async () => {
    const [left, right] = [await createTestDatabase('compare'), await createTestDatabase('compare')];
    drops = [left.drop, right.drop];
    [source, copy] = [left.name, right.name];
    // An empty database is no demo of ours, so it is made anew under the same name; the copy is the same to the byte.
    await withClient(config('postgres'), async (client) => {
      await client.query(`DROP DATABASE ${source}`);
      await client.query(`DROP DATABASE ${copy}`);
      await ensureDemoDatabase({ admin: config('postgres'), database: source, owner: 'postgres', megabytes: 1 });
      await client.query(`CREATE DATABASE ${copy} TEMPLATE ${source}`);
    });
  });
  afterAll(async () => {
    for (const drop of drops) await drop();
  });

  const differencesAfter = async (change: string, undo: string): Promise<readonly string[]> => {
    await withClient(config(copy), (client) => client.query(change));
    const { differences } = await compareDatabases(config(source), config(copy));
    await withClient(config(copy), (client) => client.query(undo));
    return differences;
  };

  it('finds none between a database and its exact copy', async () => {
    const { differences, rows, largeObjects, definitions } = await compareDatabases(config(source), config(copy));
    expect(differences).toEqual([]);
    expect(rows).toBeGreaterThan(3000);
    expect(largeObjects).toBeGreaterThan(1);
    expect(definitions).toBeGreaterThan(100);
  });

  it('finds one changed value among rows of the same number', async () => {
    const found = await differencesAfter(
      `UPDATE shop.products SET title = title || '!' WHERE id = 1003`,
      `UPDATE shop.products SET title = rtrim(title, '!') WHERE id = 1003`,
    );
    expect(found).toEqual(['table shop.products: the same number of rows, other contents']);
  });

  it('finds two rows that exchanged one value', async () => {
    const swap = `UPDATE shop.products SET price = (SELECT p.price FROM shop.products p WHERE p.id = 2007 - products.id) WHERE id IN (1003, 1004)`;
    expect(await differencesAfter(swap, swap)).toHaveLength(1);
  });

  it('finds a missing row, a changed byte of a large object and a moved sequence', async () => {
    const rows = await differencesAfter(
      `CREATE TABLE public.kept AS SELECT * FROM analytics.events LIMIT 1; DELETE FROM analytics.events WHERE id = (SELECT id FROM public.kept)`,
      `INSERT INTO analytics.events SELECT * FROM public.kept; DROP TABLE public.kept`,
    );
    expect(rows.join('\n')).toMatch(/table analytics\.events_\w+: \d+ rows and \d+ rows/);
    const object = await differencesAfter(
      `SELECT lo_put(content, 100, set_byte(lo_get(content, 100, 1), 0, 255 - get_byte(lo_get(content, 100, 1), 0))) FROM documents.attachments WHERE id = 1`,
      `SELECT lo_put(content, 100, set_byte(lo_get(content, 100, 1), 0, 255 - get_byte(lo_get(content, 100, 1), 0))) FROM documents.attachments WHERE id = 1`,
    );
    expect(object).toHaveLength(1);
    expect(object[0]).toMatch(/^large objects/);
    const [{ last }] = await withClient(config(copy), async (client) => {
      const { rows } = await client.query<{ last: string }>('SELECT last_value AS last FROM shop.invoice_number');
      return rows as [{ last: string }];
    });
    const sequence = await differencesAfter(
      `SELECT setval('shop.invoice_number', ${last} + 7)`,
      `SELECT setval('shop.invoice_number', ${last})`,
    );
    expect(sequence[0]).toMatch(/^sequence shop\.invoice_number differs/);
  });

  it.each([
    ['trigger', 'DROP TRIGGER orders_changed ON shop.orders'],
    ['policy', 'DROP POLICY own_documents ON documents.documents'],
    ['relation', 'ALTER TABLE documents.documents DISABLE ROW LEVEL SECURITY'],
    ['constraint', 'ALTER TABLE shop.orders DROP CONSTRAINT orders_customer_id_fkey'],
    ['index', 'DROP INDEX shop.orders_open'],
    ['view', 'DROP VIEW shop.open_orders'],
    ['column', 'ALTER TABLE shop.customers ALTER COLUMN credit_limit DROP DEFAULT'],
    ['routine', 'DROP PROCEDURE shop.cancel_order'],
    ['type', `ALTER TYPE shop.order_status ADD VALUE 'lost'`],
    ['rule', 'DROP RULE keep_rooms ON documents."Räume & Größen"'],
    ['extension', 'DROP EXTENSION pg_trgm CASCADE'],
  ])('finds a changed %s', async (kind, change) => {
    // Last in the file, and cumulative: each change only adds to the differences.
    const found = await differencesAfter(change, 'SELECT 1');
    expect(found.some((difference) => difference.startsWith(`${kind} `))).toBe(true);
  });
});
