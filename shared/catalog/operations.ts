import type { ErrorRecord } from '../domain/errors.ts';
import type { VaultRef } from '../domain/ids.ts';
import { newestFirst, vaultKey } from '../domain/ids.ts';
import type { AuditEntry, Operation } from '../domain/records.ts';
import type { RowStore } from '../ports.ts';
import { Collection } from './collection.ts';
import type { Page, PageRequest } from './collection.ts';

/** Long-running operations, by id. */
export class Operations {
  readonly #operations: Collection<Operation>;

  constructor(rows: RowStore) {
    this.#operations = new Collection(rows, 'Operations');
  }

  async open(operation: Operation): Promise<void> {
    await this.#operations.insert(operation.id, key, operation);
  }

  async get(id: string): Promise<Operation | undefined> {
    return (await this.#operations.get(id, key))?.value;
  }

  /** Ends the operation once; a second end is ignored. */
  async finish(
    id: string,
    outcome: { endedAt: string; jobId?: string; error?: ErrorRecord; note?: string },
  ): Promise<void> {
    await this.#operations.update(id, key, (current) =>
      current?.status === 'Inprogress'
        ? { ...current, ...outcome, status: outcome.error ? 'Failed' : 'Succeeded' }
        : undefined,
    );
  }
}

/** Who changed what, newest first, by vault. Entries are only added, and their answer once. */
export class Audit {
  readonly #entries: Collection<AuditEntry>;

  constructor(rows: RowStore) {
    this.#entries = new Collection(rows, 'Audit');
  }

  /**
   * Writes that somebody asks for a change, before it is made. `uniqueId` tells entries of one moment apart: a caller may use one
   * correlation id for many requests, so the edge gives the request's own.
   */
  async begin(vault: VaultRef, entry: AuditEntry, uniqueId: string): Promise<void> {
    await this.#entries.insert(vaultKey(vault), entryKey(entry, uniqueId), entry);
  }

  /** Adds how it was answered; an entry that has its status keeps it. */
  async finish(vault: VaultRef, entry: AuditEntry, uniqueId: string, status: number): Promise<void> {
    await this.#entries.update(vaultKey(vault), entryKey(entry, uniqueId), (current) =>
      current && current.status === undefined ? { ...current, status } : undefined,
    );
  }

  list(vault: VaultRef, page: PageRequest): Promise<Page<AuditEntry>> {
    return this.#entries.page(vaultKey(vault), page);
  }
}

const entryKey = (entry: AuditEntry, uniqueId: string): string => `${newestFirst(Date.parse(entry.at))}-${uniqueId}`;

const key = 'operation';
