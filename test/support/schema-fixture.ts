import { readFile } from 'node:fs/promises';
import type { Client } from 'pg';

/** Fills an empty database with one of everything that a dump has to carry. Needs a superuser and the contrib extensions. */
export async function loadSchemaFixture(client: Client): Promise<void> {
  await client.query(await readFile(new URL('fixture.sql', import.meta.url), 'utf8'));
}
