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

/** Who changed what, newest first, by vault. Append-only. */
export class Audit {
  readonly #entries: Collection<AuditEntry>;

  constructor(rows: RowStore) {
    this.#entries = new Collection(rows, 'Audit');
  }

  /** `uniqueId` tells entries of one moment apart; a caller may use one correlation id for many requests, so the edge gives the request's own. */
  async record(vault: VaultRef, entry: AuditEntry, uniqueId: string = entry.correlationId): Promise<void> {
    await this.#entries.insert(vaultKey(vault), `${newestFirst(Date.parse(entry.at))}-${uniqueId}`, entry);
  }

  list(vault: VaultRef, page: PageRequest): Promise<Page<AuditEntry>> {
    return this.#entries.page(vaultKey(vault), page);
  }
}

const key = 'operation';
