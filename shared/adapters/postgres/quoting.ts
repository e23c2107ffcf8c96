/** An SQL identifier, always quoted. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** `"schema"."name"`. */
export const qualified = (schema: string, name: string): string => `${identifier(schema)}.${identifier(name)}`;

/** An SQL string literal that does not depend on standard_conforming_strings. */
export const literal = (text: string): string =>
  text.includes('\\') ? `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'` : `'${text.replaceAll("'", "''")}'`;

/**
 * A libpq connection string with the database (a bare name holding `=` would be read as a connection string itself) and TCP keepalives:
 * an index build or a slow store leaves the connection silent for longer than load balancers forget it (four minutes on Azure).
 */
export const databaseConninfo = (name: string): string =>
  `dbname='${name.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}' keepalives_idle=30 keepalives_interval=10 keepalives_count=9`;
