/** What `pg_restore -l` lists about data. */
export interface ArchiveContents {
  /** Oids of the tables whose rows are in the archive. */
  readonly tableData: ReadonlySet<number>;
  /** Oids that are listed more than once: their rows would be restored twice. */
  readonly twice: readonly number[];
}

/**
 * Reads a listing: `3342; 0 16400 TABLE DATA public t1 postgres`. Names may hold spaces and line breaks are replaced in it, so tables
 * are identified by the second number after the dump id, the table's oid.
 */
export function parseContents(listing: string): ArchiveContents {
  const tableData = new Set<number>();
  const twice: number[] = [];
  for (const line of listing.split('\n')) {
    const found = /^\d+; \d+ (\d+) TABLE DATA /.exec(line);
    if (found === null) continue;
    const oid = Number(found[1]);
    if (tableData.has(oid)) twice.push(oid);
    tableData.add(oid);
  }
  return { tableData, twice };
}

/** Names what an archive has too little, too much or twice; '' when it is exactly what was planned. */
export function compareContents(contents: ArchiveContents, planned: ReadonlyMap<number, string>): string {
  const missing = [...planned].filter(([oid]) => !contents.tableData.has(oid)).map(([, name]) => name);
  const extra = [...contents.tableData].filter((oid) => !planned.has(oid));
  const faults = [
    missing.length > 0
      ? `${String(missing.length)} table(s) are not in the archive: ${missing.slice(0, 5).join(', ')}`
      : '',
    extra.length > 0 ? `${String(extra.length)} table(s) were not planned: oid ${extra.slice(0, 5).join(', ')}` : '',
    contents.twice.length > 0 ? `tables are in it twice: oid ${contents.twice.slice(0, 5).join(', ')}` : '',
  ];
  return faults.filter((fault) => fault !== '').join('; ');
}
