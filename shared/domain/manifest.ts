import type { DatabaseIdentity } from './records.ts';

/** Version of the layout below. A reader test keeps one recovery point of every version. */
export const manifestFormatVersion = 1;

export interface ManifestPart {
  /** Blob name relative to the folder, e.g. `database.dump.zst`. */
  name: string;
  kind: 'database' | 'globals';
  /** Bytes before compression. */
  rawBytes: number;
  storedBytes: number;
  /** SHA-256 of the stored bytes, lower-case hex. */
  sha256: string;
  blocks: number;
}

export interface TableCount {
  schema: string;
  name: string;
  rows: number;
}

/** What belongs to the database as a whole: no archive of its contents brings it back by itself. */
export interface DatabaseProperties {
  owner: string;
  comment: string;
  /** -1: no limit. */
  connectionLimit: number;
  /** `ALTER DATABASE … SET`, and `ALTER ROLE … IN DATABASE … SET` when a role is named. */
  settings: { role?: string; name: string; value: string }[];
  /** Privileges on the database; a grantee is absent for PUBLIC. Undefined: as the server grants by default. */
  grants?: { grantee?: string; privilege: string; grantable: boolean }[];
}

/** What the mover found and wrote; everything of the manifest but the tag. Stored beside the parts as `dump-report.json` until the commit. */
export interface DumpReport {
  formatVersion: typeof manifestFormatVersion;
  snapshotTime: string;
  database: {
    name: string;
    encoding: string;
    collate: string;
    ctype: string;
    /** Absent for libc, whose locale is collate and ctype alone. */
    localeProvider?: 'icu' | 'builtin';
    locale?: string;
    sizeBytes: number;
  } & DatabaseIdentity;
  server: { version: string; major: number; host: string; port: number; isStandby: boolean };
  tools: { pgDump: string; zstd: string; product: string };
  parts: ManifestPart[];
  tables: TableCount[];
  extensions: { name: string; version: string }[];
  /** Absent in points that were written before they were kept. */
  databaseProperties?: DatabaseProperties;
  /** Roles that own something in the database. */
  owners: string[];
  /** What is not in the archive, and why. */
  leftOut: { what: string; why: string }[];
}

/** `manifest.json`: written last, If-None-Match. A folder without it is not a recovery point. */
export interface Manifest extends DumpReport {
  recoveryPointId: string;
  attemptId: string;
  jobId: string;
  instance: string;
  vault: string;
  friendlyName: string;
  tag: string;
  policyName: string;
  scheduled: boolean;
  slot?: string;
  createdAt: string;
  /** Commands that restore this folder by hand with stock tools. */
  restoreByHand: string[];
}
