/** Rows of the demo shop, made by the server itself and the same on every run: hashes of the row number stand for chance. */

/** How many of each; about one megabyte of tables and indexes for each unit of `size`. */
export interface DemoSize {
  readonly customers: number;
  readonly products: number;
  readonly orders: number;
  readonly events: number;
  readonly documents: number;
  readonly attachments: number;
}

export const demoSize = (megabytes: number): DemoSize => ({
  customers: Math.max(100, megabytes * 190),
  products: Math.max(50, Math.min(20_000, megabytes * 10)),
  orders: Math.max(200, megabytes * 940),
  events: Math.max(500, megabytes * 1_600),
  documents: Math.max(20, megabytes * 72),
  attachments: Math.max(2, Math.min(64, Math.round(megabytes / 10))),
});

/** A number from 0 to limit - 1 that looks random but follows from the row and a seed. */
const dice = (row: string, seed: number, limit: number | string): string =>
  `((hashint8extended(${row}, ${String(seed)}) & 9223372036854775807) % ${String(limit)})`;

const pick = (row: string, seed: number, words: readonly string[]): string =>
  `(ARRAY[${words.map((word) => `'${word}'`).join(',')}])[1 + ${dice(row, seed, words.length)}]`;

const first = [
  'Anna',
  'Björn',
  'Chloé',
  'Dagny',
  'Emre',
  'Fatima',
  'Giorgos',
  'Hana',
  'Łukasz',
  'Mei',
  'Oluwaseun',
  'Zoë',
];
const last = [
  'Andersson',
  'Brontë',
  'Çelik',
  'Dvořák',
  'Eriksen',
  'Fischer',
  'García',
  'Haddad',
  'Ivanov',
  'Nguyễn',
  'Σταύρου',
  '田中',
];
const cities = ['Aarhus', 'Brno', 'Cádiz', 'Dresden', 'Évora', 'Gdańsk', 'Kraków', 'Malmö', 'Tübingen', 'Zürich'];
const words = [
  'amber',
  'basalt',
  'cedar',
  'delta',
  'ember',
  'fjord',
  'granite',
  'harbor',
  'indigo',
  'juniper',
  'kelp',
  'lumen',
];
const kinds = ['page_view', 'search', 'add_to_basket', 'checkout', 'login', 'logout', 'support_call'];
const statuses = ['new', 'paid', 'packed', 'shipped', 'shipped', 'shipped', 'returned', 'cancelled'];

const sentence = (row: string, from: number, length: number): string =>
  Array.from({ length }, (_, index) => pick(row, from + index, words)).join(` || ' ' || `);

export interface RowStatement {
  readonly what: string;
  readonly sql: string;
}

const shopRows = (size: DemoSize): RowStatement[] => [
  {
    what: 'customers',
    sql: `INSERT INTO shop.customers (name, email, address, tags, preferences, credit_limit, created_at)
      SELECT ${pick('i', 1, first)} || ' ' || ${pick('i', 2, last)}, 'customer' || i || '@example.com',
        ROW(${pick('i', 3, words)} || ' street ' || ${dice('i', 4, 200)}, lpad(${dice('i', 5, 99999)}::text, 5, '0'), ${pick('i', 6, cities)}, 'DE')::shop.address,
        ARRAY[${pick('i', 7, words)}, ${pick('i', 8, words)}],
        jsonb_build_object('newsletter', ${dice('i', 9, 2)} = 1, 'language', ${pick('i', 10, ['de', 'en', 'el', 'pl', 'ja'])}, 'theme', ${pick('i', 11, words)}),
        ${dice('i', 12, 500000)} / 100.0, timestamptz '2020-01-01 00:00Z' + ${dice('i', 13, 170_000_000)} * interval '1 second'
      FROM generate_series(1, ${String(size.customers)}::bigint) i`,
  },
  {
    what: 'products',
    sql: `INSERT INTO shop.products (sku, title, price, valid, attributes, successor)
      SELECT 'SKU-' || lpad(i::text, 6, '0'), ${sentence('i', 20, 4)}, ${dice('i', 24, 100_000)} / 100.0,
        daterange(date '2020-01-01' + ${dice('i', 25, 700)}::int, CASE WHEN i % 5 = 0 THEN date '2030-01-01' END),
        jsonb_build_object('weight', ${dice('i', 26, 9000)} / 1000.0, 'colours', jsonb_build_array(${pick('i', 27, words)}, ${pick('i', 28, words)})),
        CASE WHEN i % 7 = 0 THEN 999 + i END
      FROM generate_series(1, ${String(size.products)}::bigint) i`,
  },
  {
    what: 'orders',
    sql: `INSERT INTO shop.orders (customer_id, status, ordered_at, changed_at, total, note)
      SELECT 1 + ${dice('i', 30, size.customers)}, ${pick('i', 31, statuses)}::shop.order_status, at, at + interval '1 hour', ${dice('i', 32, 900_000)} / 100.0,
        CASE WHEN i % 9 = 0 THEN ${sentence('i', 33, 6)} END
      FROM generate_series(1, ${String(size.orders)}::bigint) i,
        LATERAL (SELECT timestamptz '2024-01-01 00:00Z' + i * interval '1 second' * (60000000.0 / ${String(size.orders)})) t(at)`,
  },
  {
    what: 'order lines',
    sql: `INSERT INTO shop.order_lines (order_id, line, product_id, quantity, unit_price)
      SELECT i, l, 1000 + ${dice('i * 8 + l', 40, size.products)}, 1 + ${dice('i * 8 + l', 41, 9)}, ${dice('i * 8 + l', 42, 100_000)} / 100.0
      FROM generate_series(1, ${String(size.orders)}::bigint) i, generate_series(1, 1 + ${dice('i', 43, 4)}) l`,
  },
];

const analyticsRows = (size: DemoSize): RowStatement[] => [
  {
    what: 'event partitions',
    sql: `DO $do$ BEGIN
      FOR m IN 1..12 LOOP
        EXECUTE format('CREATE TABLE analytics.events_2025_%s PARTITION OF analytics.events FOR VALUES FROM (%L) TO (%L)',
          lpad(m::text, 2, '0'), make_timestamptz(2025, m, 1, 0, 0, 0, 'UTC'), make_timestamptz(2025, m, 1, 0, 0, 0, 'UTC') + interval '1 month');
      END LOOP;
      CREATE TABLE analytics.events_other PARTITION OF analytics.events DEFAULT;
    END $do$`,
  },
  {
    what: 'events',
    sql: `INSERT INTO analytics.events (happened_at, id, customer_id, kind, duration, payload)
      SELECT timestamptz '2025-01-01 00:00Z' + i * interval '1 second' * (31600000.0 / ${String(size.events)}), md5(i::text)::uuid,
        CASE WHEN i % 3 > 0 THEN 1 + ${dice('i', 50, size.customers)} END, ${pick('i', 51, kinds)}, ${dice('i', 52, 90_000)} * interval '1 millisecond',
        jsonb_build_object('path', '/' || ${pick('i', 53, words)} || '/' || ${dice('i', 54, 5000)}, 'agent', ${pick('i', 55, words)}, 'ip', '10.' || ${dice('i', 56, 255)} || '.' || ${dice('i', 57, 255)} || '.7')
      FROM generate_series(1, ${String(size.events)}::bigint) i`,
  },
];

const documentRows = (size: DemoSize): RowStatement[] => [
  {
    what: 'documents',
    sql: `INSERT INTO documents.documents (id, customer_id, body, fingerprint)
      SELECT md5('document' || i)::uuid, 1 + ${dice('i', 60, size.customers)},
        jsonb_build_object('title', ${sentence('i', 61, 5)}, 'pages', (SELECT jsonb_agg(jsonb_build_object('page', p, 'text', md5(i || ':' || p) || ' ' || md5(p || ':' || i))) FROM generate_series(1, 8 + ${dice('i', 62, 16)}) p)),
        sha256(i::text::bytea)
      FROM generate_series(1, ${String(size.documents)}::bigint) i`,
  },
  {
    what: 'large objects',
    sql: `INSERT INTO documents.attachments (file_name, content)
      SELECT 'scan-' || i || '.bin', lo_from_bytea(0, (SELECT string_agg(sha256((i || ':' || b)::text::bytea), ''::bytea ORDER BY b) FROM generate_series(1, 8192) b))
      FROM generate_series(1, ${String(size.attachments)}) i`,
  },
  {
    what: 'rooms',
    sql: `INSERT INTO documents."Räume & Größen" SELECT i, i * 1.1, CASE WHEN i % 2 = 0 THEN E'Zeile\\nmit "Umbruch"\\tund \\\\' END FROM generate_series(1, 200) i`,
  },
];

/** Three independent lists: each is run in order, the lists beside one another. */
export const rowStatements = (size: DemoSize): RowStatement[][] => [
  shopRows(size),
  analyticsRows(size),
  documentRows(size),
];
