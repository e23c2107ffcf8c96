-- Keys, indexes, views, triggers and policies of the demo shop, made after the rows: building an index once is faster than feeding it.
ALTER TABLE shop.customers ADD PRIMARY KEY (id), ADD UNIQUE (email);
ALTER TABLE shop.products ADD PRIMARY KEY (id), ADD UNIQUE (sku);
ALTER TABLE shop.products ADD FOREIGN KEY (successor) REFERENCES shop.products DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE shop.orders ADD PRIMARY KEY (id), ADD UNIQUE (invoice);
ALTER TABLE shop.orders ADD FOREIGN KEY (customer_id) REFERENCES shop.customers;
ALTER TABLE shop.order_lines ADD PRIMARY KEY (order_id, line);
ALTER TABLE shop.order_lines ADD FOREIGN KEY (order_id) REFERENCES shop.orders ON DELETE CASCADE;
ALTER TABLE shop.order_lines ADD FOREIGN KEY (product_id) REFERENCES shop.products;
ALTER TABLE analytics.events ADD PRIMARY KEY (happened_at, id);
ALTER TABLE documents.documents ADD PRIMARY KEY (id);
ALTER TABLE documents.attachments ADD PRIMARY KEY (id);
ALTER TABLE documents."Räume & Größen" ADD PRIMARY KEY ("Raum Nr.");

CREATE INDEX customers_search ON shop.customers USING gin (tags);
CREATE INDEX products_title ON shop.products USING gin (title public.gin_trgm_ops);
CREATE INDEX orders_customer ON shop.orders (customer_id, ordered_at DESC);
CREATE INDEX orders_open ON shop.orders (ordered_at) WHERE status IN ('new', 'paid');
CREATE INDEX events_kind ON analytics.events (kind);
CREATE STATISTICS shop.orders_status_customer (dependencies) ON status, customer_id FROM shop.orders;

CREATE VIEW shop.open_orders AS
  SELECT o.id, c.name, o.total, o.ordered_at
  FROM shop.orders o JOIN shop.customers c ON c.id = o.customer_id WHERE o.status IN ('new', 'paid', 'packed');
CREATE MATERIALIZED VIEW analytics.revenue_by_month AS
  SELECT date_trunc('month', ordered_at AT TIME ZONE 'UTC') AS month, status, count(*) AS orders, sum(total) AS revenue
  FROM shop.orders GROUP BY 1, 2;
CREATE UNIQUE INDEX ON analytics.revenue_by_month (month, status);

CREATE FUNCTION shop.note_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $body$
BEGIN
  NEW.changed_at := now();
  RETURN NEW;
END
$body$;
CREATE TRIGGER orders_changed BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.note_change();
CREATE PROCEDURE shop.cancel_order(wanted bigint) LANGUAGE sql
  BEGIN ATOMIC UPDATE shop.orders SET status = 'cancelled' WHERE id = wanted; END;
CREATE RULE keep_rooms AS ON DELETE TO documents."Räume & Größen" DO INSTEAD NOTHING;

ALTER TABLE documents.documents ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_documents ON documents.documents USING (customer_id = current_setting('shop.customer', true)::bigint);
COMMENT ON TABLE documents."Räume & Größen" IS 'Namen mit Leerzeichen, Umlauten und "Anführungszeichen"';
COMMENT ON COLUMN shop.orders.invoice IS 'Numbers rise in steps of seven';
