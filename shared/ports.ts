import type { Readable } from 'node:stream';
import type { DumpReport, ManifestPart, TableCount } from './domain/manifest.ts';
import type { DatabaseIdentity, Datasource, JobWarning } from './domain/records.ts';
import type { Secret } from './secret.ts';

/** What the domain needs from the world. Every failure is a VaultError; adapters translate at the call. */

// ---- rows ------------------------------------------------------------------------------------------------------------

export interface Row<T> {
  readonly partition: string;
  readonly key: string;
  readonly value: T;
  readonly etag: string;
}

export interface RowPage<T> {
  readonly rows: readonly Row<T>[];
  /** Opaque; give it back to read on. Absent on the last page. */
  readonly continuation?: string;
}

export interface RowRange {
  /** Inclusive. */
  readonly from?: string;
  /** Exclusive. */
  readonly before?: string;
  readonly pageSize: number;
  readonly continuation?: string;
}

/**
 * JSON documents under (partition, key), each with an ETag. Keys sort bytewise within a partition. A document may be up to 500 KB.
 * Held to test/contracts/row-store.ts by every implementation.
 */
export interface RowStore {
  get<T>(table: string, partition: string, key: string): Promise<Row<T> | undefined>;
  /** Inserts, or returns undefined when the row exists. */
  insert<T>(table: string, partition: string, key: string, value: T): Promise<Row<T> | undefined>;
  /** Replaces the row that has this ETag, or returns undefined when it has changed or is gone. */
  replace<T>(table: string, row: Row<unknown>, value: T): Promise<Row<T> | undefined>;
  /** Inserts or replaces whatever is there. */
  upsert<T>(table: string, partition: string, key: string, value: T): Promise<Row<T>>;
  /** Deletes the row that has this ETag; false when it has changed or is gone. */
  remove(table: string, row: Row<unknown>): Promise<boolean>;
  /** Rows of one partition in key order. A page costs one request. */
  list<T>(table: string, partition: string, range: RowRange): Promise<RowPage<T>>;
}

// ---- blobs -----------------------------------------------------------------------------------------------------------

export interface StoredObject {
  readonly name: string;
  readonly bytes: number;
}

export interface ArchiveWriteResult {
  readonly storedBytes: number;
  readonly sha256: string;
  readonly blocks: number;
  /** Makes the staged blocks the blob. Nothing is readable under the name before. Fails when the name is taken. */
  commit(): Promise<void>;
  /** Throws the staged blocks away. */
  discard(): Promise<void>;
}

/** The store that holds recovery points; also any container that files are restored to. */
export interface ArchiveStore {
  ensureContainer(container: string): Promise<void>;
  /** Reads the stream to its end into staged blocks, hashing on the way; memory is bounded by `memoryBudget` bytes. */
  stage(
    container: string,
    name: string,
    source: Readable,
    options: { signal: AbortSignal; onProgress?: (storedBytes: number) => void; memoryBudget?: number },
  ): Promise<ArchiveWriteResult>;
  /** Streams a blob; broken downloads are resumed at their offset. */
  read(container: string, name: string, signal: AbortSignal): Promise<Readable>;
  readJson<T>(container: string, name: string): Promise<T | undefined>;
  /** Writes If-None-Match; false when the name is taken. */
  writeJsonOnce(container: string, name: string, value: unknown): Promise<boolean>;
  writeText(container: string, name: string, text: string): Promise<void>;
  list(container: string, prefix: string): AsyncIterable<StoredObject>;
  /** Deletes every blob under the prefix, uncommitted ones included; returns how many. Idempotent. */
  removeFolder(container: string, prefix: string): Promise<number>;
}

/** Opens the container a restore-as-files request names; refuses what is not a blob container URL. */
export interface TargetContainers {
  open(url: string): Promise<{ store: ArchiveStore; container: string }>;
}

// ---- secrets ---------------------------------------------------------------------------------------------------------

export interface SecretReader {
  /** The value of the latest version (or of the version the URI names). */
  read(secretUri: string): Promise<Secret>;
}

/** How to reach a database server, made from a secret's value and a datasource. The password stays inside a Secret. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: Secret;
  readonly sslMode: 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
}

// ---- the database server ---------------------------------------------------------------------------------------------

export interface SourceFacts extends DatabaseIdentity {
  /** `host:port`. */
  server: string;
  serverVersion: string;
  serverMajor: number;
  sizeBytes: number;
  relationCount: number;
}

export interface DumpProgress {
  /** Bytes that have left pg_dump or reached the store so far. */
  storedBytes: number;
  tablesCounted: number;
  tablesTotal: number;
}

export interface DumpRequest {
  connection: Connection;
  /** For application_name: `ltr-vault/<job>`. */
  jobId: string;
  container: string;
  /** Blob folder of this attempt, ends in `/`. */
  folder: string;
  compressionLevel: number;
  lockWaitSeconds: number;
  signal: AbortSignal;
  onProgress: (progress: DumpProgress) => void;
}

/** The database being backed up. */
export interface DumpSource {
  /** Connects and checks that everything a dump reads can be read. Throws the first failure by name; all missing privileges in one error. */
  check(connection: Connection): Promise<SourceFacts>;
  /**
   * Dumps under one exported snapshot into staged blocks and counts the rows of every table in the same snapshot. Blocks are committed
   * only after every process exited 0. No file on disk. Aborting kills the child processes and discards what was staged.
   */
  dump(request: DumpRequest): Promise<DumpReport>;
}

export interface RestoreRequest {
  connection: Connection;
  jobId: string;
  /** Name the database gets when everything is in place. */
  targetDatabase: string;
  /** Name it has until then: unique to the attempt, see restoreScratchName. */
  scratchDatabase: string;
  report: DumpReport;
  container: string;
  folder: string;
  signal: AbortSignal;
  onProgress: (progress: { restoredBytes: number; phase: string }) => void;
  /** Called right before the rename that makes the database visible, with what has been verified; a throw abandons the restore. */
  beforeCommit: (outcome: RestoreOutcome) => Promise<void>;
}

export interface RestoreOutcome {
  /** Stays through the rename. */
  databaseOid: number;
  tables: TableCount[];
  restoredBytes: number;
  warnings: JobWarning[];
}

/** The server being restored to. */
export interface RestoreTarget {
  /** Refuses an existing database, a lower major version, missing rights to create. `server` is `host:port`. */
  check(
    connection: Connection,
    wanted: { database: string; sourceMajor: number; extensions: DumpReport['extensions'] },
  ): Promise<{ server: string; serverMajor: number; missingExtensions: string[] }>;
  /** Creates the scratch database, loads it, analyses, compares with the report, renames it. On any failure the scratch database is dropped. */
  restore(request: RestoreRequest): Promise<RestoreOutcome>;
  /** Oid of the database of that name, or undefined when there is none. */
  databaseOid(connection: Connection, database: string): Promise<number | undefined>;
  /** Drops what a lost attempt left: a scratch database of that name, never another. Idempotent. */
  dropScratch(connection: Connection, scratchDatabase: string): Promise<void>;
}

// ---- the rest --------------------------------------------------------------------------------------------------------

export interface Log {
  info(message: string, facts?: Readonly<Record<string, unknown>>): void;
  warn(message: string, facts?: Readonly<Record<string, unknown>>): void;
  /** The error's own text is scrubbed of secrets before it is written. */
  error(message: string, error: unknown, facts?: Readonly<Record<string, unknown>>): void;
}

/** Reads the secret of a datasource and turns it into a connection; throws the named secret errors. */
export interface ConnectionResolver {
  resolve(secretUri: string, datasource: Datasource): Promise<Connection>;
}

export type Clock = () => Date;

/** A part as the store holds it, used when files are copied out. */
export type StoredPart = Pick<ManifestPart, 'name' | 'storedBytes' | 'sha256'>;
