import type { DumpReport, Manifest } from '../../shared/domain/manifest.ts';

/** The commands that restore a folder with stock tools, as the manifest carries them. */
export function restoreByHand(report: DumpReport): string[] {
  const globals = report.parts.find((part) => part.kind === 'globals');
  return [
    'sha256sum --check checksums: each part has its SHA-256 in this manifest',
    ...(globals
      ? [`zstd -dc ${globals.name} | psql -d postgres   # roles and tablespaces, if the server lacks them`]
      : []),
    `createdb --template=template0 --encoding=${report.database.encoding} NEW_DATABASE`,
    'zstd -dc database.dump.zst | pg_restore --dbname=NEW_DATABASE',
  ];
}

/**
 * A plain POSIX shell script that restores the files beside it with stock tools: sha256sum, zstd, createdb, pg_restore, psql.
 * `prefix` is what the file names begin with. Connection parameters come from the PG* environment, as with every PostgreSQL tool.
 */
export function restoreScript(manifest: Manifest, prefix: string): string {
  const file = (name: string): string => quote(`${prefix}${name}`);
  const sums = manifest.parts.map((part) => `${part.sha256}  ${prefix}${part.name}`);
  const archive = manifest.parts.find((part) => part.kind === 'database');
  const globals = manifest.parts.find((part) => part.kind === 'globals');
  return `#!/bin/sh
# Restores recovery point ${manifest.recoveryPointId} of ${manifest.snapshotTime}
# (PostgreSQL ${manifest.server.version}, pg_dump: ${manifest.tools.pgDump.replaceAll('\n', ' ')}).
# Usage: [PGHOST=... PGPORT=... PGUSER=... PGPASSWORD=...] sh ${quote(`${prefix}restore.sh`)} NEW_DATABASE [--globals]
# Needs: sha256sum, zstd, and the client tools of PostgreSQL ${manifest.server.major} or newer.
set -eu
[ $# -ge 1 ] || { echo "usage: $0 NEW_DATABASE [--globals]" >&2; exit 64; }
database=$1
cd "$(dirname "$0")"

echo "checking the files"
sha256sum --check --quiet <<'CHECKSUMS'
${sums.join('\n')}
CHECKSUMS
${
  globals
    ? `
if [ "\${2:-}" = "--globals" ]; then
  echo "creating roles and tablespaces (those that exist already are reported and left alone)"
  zstd -dc ${file(globals.name)} | psql --no-psqlrc --quiet --dbname=postgres
fi
`
    : ''
}
echo "creating $database"
createdb --template=template0 --encoding=${quote(manifest.database.encoding)} -- "$database"
echo "restoring"
status=0
zstd -dc ${file(archive?.name ?? 'database.dump.zst')} | pg_restore --no-password --dbname="$database" || status=$?
[ "$status" -eq 0 ] || echo "pg_restore reported errors (above): owners or grants of roles that do not exist here are the usual ones" >&2
psql --no-psqlrc --quiet --dbname="$database" --command='ANALYZE'
exit "$status"
`;
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
