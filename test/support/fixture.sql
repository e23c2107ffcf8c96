-- One of everything that a logical dump has to carry. Loaded by schema-fixture.ts; compared by compare-databases.ts.
DO $$
DECLARE role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['ltr_fixture_owner', 'ltr_fixture_reader', 'ltr fixture "quoted"'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I', role_name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END LOOP;
END $$;

CREATE EXTENSION IF NOT EXISTS hstore;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE SCHEMA shop AUTHORIZATION ltr_fixture_owner;
CREATE SCHEMA "Ünïcode ""schema"" .x";
COMMENT ON SCHEMA shop IS 'It''s the shop
on two lines; with a \ backslash';

-- types
CREATE TYPE shop.status AS ENUM ('new', 'päid', 'it''s gone');
CREATE TYPE shop.address AS (street text, "zip code" varchar(10), tags text[]);
CREATE TYPE shop.price_range AS RANGE (subtype = numeric);
CREATE DOMAIN shop.email AS citext CHECK (VALUE ~ '^[^@]+@[^@]+$');
CREATE DOMAIN shop.short_code AS char(4) NOT NULL DEFAULT 'none';

-- plain tables, with defaults, generated columns, identities, serials
CREATE TABLE shop.customer (
  id bigint GENERATED ALWAYS AS IDENTITY (START 1000 INCREMENT 7) PRIMARY KEY,
  email shop.email UNIQUE,
  home shop.address,
  status shop.status NOT NULL DEFAULT 'new',
  attributes hstore,
  document jsonb NOT NULL DEFAULT '{}',
  born date,
  full_name text COLLATE "C",
  shout text GENERATED ALWAYS AS (upper(full_name)) STORED,
  dropped_later integer,
  CONSTRAINT adult CHECK (born < DATE '2015-01-01')
);
ALTER TABLE shop.customer DROP COLUMN dropped_later;
COMMENT ON COLUMN shop.customer.shout IS 'generated';
INSERT INTO shop.customer (email, home, status, attributes, document, born, full_name)
SELECT 'user' || i || '@example.org', ROW('Straße ' || i, i::text, ARRAY['a"b', NULL, 'c\d'])::shop.address,
       (ARRAY['new', 'päid', 'it''s gone'])[1 + i % 3]::shop.status, hstore('k' || i, NULL),
       jsonb_build_object('i', i, 'nested', ARRAY[1.5, i]), DATE '1970-01-01' + i, 'Näme ' || i || E'\t\n\\.'
  FROM generate_series(1, 500) i;

CREATE TABLE shop.product (
  id serial PRIMARY KEY,
  code shop.short_code,
  price numeric(20, 6),
  prices shop.price_range,
  cost money,
  weight double precision,
  span interval,
  photo bytea,
  bits bit varying(20),
  place point,
  network inet,
  search tsvector,
  matrix integer[][],
  at timestamptz,
  uid uuid,
  body xml
);
INSERT INTO shop.product (code, price, prices, cost, weight, span, photo, bits, place, network, search, matrix, at, uid, body)
SELECT lpad(i::text, 4, '0'), i / 7.0, shop.price_range(i, i + 1), i::numeric::money, i / 3.0::float8,
       make_interval(years => -i, months => 2, hours => i), decode(md5(i::text), 'hex'), i::bit(20)::varbit, point(i, 1.0 / i),
       ('10.0.0.' || i % 256)::inet, to_tsvector('english', 'running product ' || i), ARRAY[[i, NULL], [3, 4]],
       TIMESTAMPTZ '2024-03-31 01:59:59.999999+00' + make_interval(secs => i), md5(i::text)::uuid, xmlelement(name a, i)
  FROM generate_series(1, 200) i;
INSERT INTO shop.product (weight) VALUES ('NaN'), ('Infinity'), (-0.0), (NULL);

-- partitions: range, list, hash, and a sub-partition
CREATE TABLE shop.event (at timestamptz NOT NULL, kind text NOT NULL, customer bigint, payload text) PARTITION BY RANGE (at);
CREATE TABLE shop.event_2023 PARTITION OF shop.event FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE shop.event_2024 PARTITION OF shop.event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (kind);
CREATE TABLE shop.event_2024_click PARTITION OF shop.event_2024 FOR VALUES IN ('click');
CREATE TABLE shop.event_2024_rest PARTITION OF shop.event_2024 DEFAULT;
CREATE INDEX event_kind ON shop.event (kind, at);
INSERT INTO shop.event SELECT TIMESTAMPTZ '2023-06-01' + make_interval(hours => i * 12), CASE i % 3 WHEN 0 THEN 'click' ELSE 'view' END, i, repeat('x', i % 50)
  FROM generate_series(1, 1000) i;
CREATE TABLE shop.by_status (status shop.status, n integer) PARTITION BY HASH (status);
CREATE TABLE shop.by_status_0 PARTITION OF shop.by_status FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE shop.by_status_1 PARTITION OF shop.by_status FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE shop.by_status_2 PARTITION OF shop.by_status FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO shop.by_status SELECT (ARRAY['new', 'päid', 'it''s gone'])[1 + i % 3]::shop.status, i FROM generate_series(1, 90) i;
CREATE TABLE shop.by_number (id integer PRIMARY KEY, v text) PARTITION BY HASH (id);
CREATE TABLE shop.by_number_0 PARTITION OF shop.by_number FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE shop.by_number_1 PARTITION OF shop.by_number FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO shop.by_number SELECT i, 'v' || i FROM generate_series(1, 300) i;

-- inheritance
CREATE TABLE shop.animal (id integer, name text);
CREATE TABLE shop.dog (breed text) INHERITS (shop.animal);
INSERT INTO shop.animal VALUES (1, 'cat'), (2, 'cow');
INSERT INTO shop.dog VALUES (3, 'rex', 'terrier');

-- foreign keys in a circle, one of them deferrable
CREATE TABLE shop.husband (id integer PRIMARY KEY, wife integer);
CREATE TABLE shop.wife (id integer PRIMARY KEY, husband integer REFERENCES shop.husband DEFERRABLE INITIALLY DEFERRED);
INSERT INTO shop.husband SELECT i, i FROM generate_series(1, 50) i;
INSERT INTO shop.wife SELECT i, i FROM generate_series(1, 50) i;
ALTER TABLE shop.husband ADD CONSTRAINT husband_wife FOREIGN KEY (wife) REFERENCES shop.wife;

-- names that need quoting
CREATE TABLE "Ünïcode ""schema"" .x"."Tab le.with ""all"" 'sorts' $of\ %names\n日本" (
  "primary key" integer PRIMARY KEY, "select" text, "日本語" text, "a.b" text);
INSERT INTO "Ünïcode ""schema"" .x"."Tab le.with ""all"" 'sorts' $of\ %names\n日本" SELECT i, 's' || i, '語' || i, NULL FROM generate_series(1, 20) i;
CREATE TABLE "Ünïcode ""schema"" .x"."--jobs=4" (a integer);
INSERT INTO "Ünïcode ""schema"" .x"."--jobs=4" VALUES (1), (2);
CREATE TABLE "Ünïcode ""schema"" .x"."line
break" (a integer);
INSERT INTO "Ünïcode ""schema"" .x"."line
break" VALUES (1);
CREATE TABLE shop."TABLE DATA public x" (a integer);
CREATE TABLE shop.no_columns ();
INSERT INTO shop.no_columns DEFAULT VALUES;
CREATE TABLE shop.empty (a integer);
CREATE UNLOGGED TABLE shop.unlogged_table (a integer);
INSERT INTO shop.unlogged_table VALUES (7);

-- sequences
CREATE SEQUENCE shop.free_sequence AS smallint INCREMENT -3 MAXVALUE 100 START 100 CYCLE;
SELECT nextval('shop.free_sequence') FROM generate_series(1, 4);

-- functions, triggers, rules, views, materialised views, aggregates, operators, casts
CREATE FUNCTION shop.add_vat(price numeric, rate numeric DEFAULT 0.19) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT price * (1 + rate) $$;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $fn$ BEGIN NEW.document := NEW.document || '{"touched": true}'; RETURN NEW; END $fn$;
CREATE PROCEDURE shop.nothing() LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CREATE AGGREGATE shop.product_of(numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = '1');
CREATE OPERATOR shop.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq);
CREATE TRIGGER touch BEFORE UPDATE ON shop.customer FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION shop.touch();
ALTER TABLE shop.customer DISABLE TRIGGER touch;
CREATE VIEW shop.gross WITH (security_barrier) AS SELECT id, shop.add_vat(price) AS gross FROM shop.product;
CREATE RULE gross_insert AS ON INSERT TO shop.gross DO INSTEAD NOTHING;
CREATE MATERIALIZED VIEW shop.totals AS SELECT status, count(*) AS n FROM shop.customer GROUP BY status;
CREATE UNIQUE INDEX totals_status ON shop.totals (status);
CREATE MATERIALIZED VIEW shop.not_filled AS SELECT 1 AS a WITH NO DATA;
CREATE INDEX customer_name_trgm ON shop.customer USING gin (full_name gin_trgm_ops) WHERE status = 'new';
CREATE INDEX product_expression ON shop.product (lower(code), (price * 2) DESC NULLS LAST) INCLUDE (weight);
CREATE STATISTICS shop.customer_statistics (dependencies) ON status, born FROM shop.customer;
ALTER TABLE shop.product ADD CONSTRAINT no_overlap EXCLUDE USING gist (id WITH =, prices WITH &&);
CREATE TEXT SEARCH CONFIGURATION shop.simple_english (COPY = pg_catalog.english);

-- row security
CREATE TABLE shop.secret (owner text, value text);
INSERT INTO shop.secret VALUES ('a', 'x'), ('b', 'y');
ALTER TABLE shop.secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE shop.secret FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON shop.secret FOR SELECT TO ltr_fixture_reader USING (owner = CURRENT_USER);
CREATE POLICY never ON shop.secret AS RESTRICTIVE FOR DELETE USING (false);

-- owners, privileges, default privileges, comments, labels
ALTER TABLE shop.customer OWNER TO ltr_fixture_owner;
ALTER TABLE shop."TABLE DATA public x" OWNER TO "ltr fixture ""quoted""";
GRANT USAGE ON SCHEMA shop TO ltr_fixture_reader;
GRANT SELECT, UPDATE (status, born) ON shop.customer TO ltr_fixture_reader WITH GRANT OPTION;
GRANT SELECT ON shop.gross TO PUBLIC;
REVOKE EXECUTE ON FUNCTION shop.add_vat FROM PUBLIC;
GRANT ALL ON SEQUENCE shop.free_sequence TO "ltr fixture ""quoted""";
ALTER DEFAULT PRIVILEGES FOR ROLE ltr_fixture_owner IN SCHEMA shop GRANT SELECT ON TABLES TO ltr_fixture_reader;
COMMENT ON TABLE shop.product IS 'Products — « quoted » $$dollar$$';
COMMENT ON FUNCTION shop.add_vat IS 'adds VAT';
COMMENT ON CONSTRAINT adult ON shop.customer IS 'not a child';

-- large objects
SELECT lo_from_bytea(4711, decode(repeat('00ff10', 5000), 'hex'));
SELECT lo_from_bytea(4712, '');
ALTER LARGE OBJECT 4711 OWNER TO ltr_fixture_owner;
GRANT SELECT ON LARGE OBJECT 4711 TO ltr_fixture_reader;
COMMENT ON LARGE OBJECT 4712 IS 'empty';

CREATE PUBLICATION shop_changes FOR TABLE shop.customer (id, email), shop.event;
