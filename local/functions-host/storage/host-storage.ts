/** What the host needs of a storage account: one table and one container per hub. Tests wrap this to kill the host between operations. */
export interface HostStorage {
  readonly table: StateTable;
  readonly blobs: PayloadBlobs;
  readonly lease: HubLease;
  /** Creates the table and the container when missing. */
  prepare(): Promise<void>;
}

export type Cell = string | number | boolean;

export interface Row {
  partitionKey: string;
  rowKey: string;
  /** Absent on rows to be written. */
  etag?: string;
  cells: Record<string, Cell>;
}

export type RowChange =
  | { kind: 'insert'; row: Row }
  | { kind: 'replace'; row: Row; etag: string }
  | { kind: 'upsert'; row: Row }
  | { kind: 'delete'; partitionKey: string; rowKey: string };

export interface StateTable {
  /** @returns the row, or undefined when there is none */
  get(partitionKey: string, rowKey: string): Promise<Row | undefined>;
  /** All rows of a partition in row-key order. */
  partition(partitionKey: string): Promise<Row[]>;
  /** All rows with one row key, over every partition. */
  withRowKey(rowKey: string): Promise<Row[]>;
  /**
   * Writes all changes or none; they share one partition and number at most 100.
   * @returns the new ETag of each row key written
   * @throws ConcurrentChangeError when a row exists already or has another ETag
   */
  write(changes: RowChange[]): Promise<Map<string, string>>;
}

export interface PayloadBlobs {
  put(name: string, text: string): Promise<void>;
  get(name: string): Promise<string>;
  remove(name: string): Promise<void>;
}

export interface LeaseHolder {
  machine: string;
  pid: number;
  since: string;
}

export interface HubLease {
  /** @returns false when another host holds the lease */
  tryAcquire(holder: LeaseHolder): Promise<boolean>;
  /** @returns who holds it, as far as the blob tells */
  holder(): Promise<LeaseHolder | undefined>;
  /** Frees the lease of a holder known to be dead. */
  breakNow(): Promise<void>;
  /** @throws LeaseLostError when another host has it */
  renew(): Promise<void>;
  release(): Promise<void>;
}

export class ConcurrentChangeError extends Error {
  override name = 'ConcurrentChangeError';
}

export class LeaseLostError extends Error {
  override name = 'LeaseLostError';
}
