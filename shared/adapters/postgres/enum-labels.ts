import { VaultError } from '../../domain/errors.ts';
import type { Session } from './session.ts';

const query = `
  SELECT e.oid, e.enumlabel AS label, e.enumtypid::pg_catalog.regtype::text AS type
    FROM pg_catalog.pg_enum e ORDER BY e.oid`;

/**
 * Compares the enum labels of the snapshot with those of now. pg_dump reads the type with its snapshot but prints values with the
 * newest catalogue: after ALTER TYPE … RENAME VALUE it succeeds with an archive that cannot be restored.
 * @throws VaultError UserErrorSchemaChangedDuringBackup
 */
export async function checkEnumLabels(keeper: Session, outside: Session): Promise<void> {
  const [then, now] = await Promise.all([readLabels(keeper), readLabels(outside)]);
  for (const [oid, { label, type }] of then) {
    const current = now.get(oid);
    if (current === undefined || current.label === label) continue;
    throw new VaultError('UserErrorSchemaChangedDuringBackup', { detail: `a label of the enum ${type} was renamed` });
  }
}

async function readLabels(session: Session): Promise<Map<number, { label: string; type: string }>> {
  const rows = await session.query<{ oid: number; label: string; type: string }>(query);
  return new Map(rows.map(({ oid, label, type }) => [oid, { label, type }]));
}
