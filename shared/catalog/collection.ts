import { VaultError } from '../domain/errors.ts';
import type { Row, RowStore } from '../ports.ts';

export interface Versioned<T> {
  readonly value: T;
  readonly etag: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly continuation?: string;
}

export interface PageRequest {
  /** Items a page holds at most; 1 to 1000. */
  readonly pageSize: number;
  readonly continuation?: string;
}

const attempts = 12;

/** One table of documents of one type, with the read-decide-write loop that every ETag-guarded change needs. */
export class Collection<T> {
  readonly #rows: RowStore;
  readonly #table: string;

  constructor(rows: RowStore, table: string) {
    this.#rows = rows;
    this.#table = table;
  }

  async get(partition: string, key: string): Promise<Versioned<T> | undefined> {
    return this.#rows.get<T>(this.#table, partition, key);
  }

  /** True when this call inserted the row; false when there was one. */
  async insert(partition: string, key: string, value: T): Promise<boolean> {
    return (await this.#rows.insert(this.#table, partition, key, value)) !== undefined;
  }

  async upsert(partition: string, key: string, value: T): Promise<void> {
    await this.#rows.upsert(this.#table, partition, key, value);
  }

  /**
   * Reads, lets `change` decide on what is there, and writes under the ETag; again when somebody was faster. `change` returns the
   * new value, or undefined to leave the row as it is; what it throws ends the update. It may run several times, so it must not have
   * effects.
   * @returns the row as it now is, or undefined when there is none and `change` made none
   * @throws VaultError UserErrorConcurrentUpdate when others kept being faster
   */
  async update(
    partition: string,
    key: string,
    change: (current: T | undefined, etag: string | undefined) => T | undefined,
  ): Promise<Versioned<T> | undefined> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const current = await this.#rows.get<T>(this.#table, partition, key);
      const next = change(current?.value, current?.etag);
      if (next === undefined) return current;
      const written =
        current === undefined
          ? await this.#rows.insert(this.#table, partition, key, next)
          : await this.#rows.replace(this.#table, current, next);
      if (written) return written;
      // Writers that collided once would collide again in step: spread them.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * 2 ** Math.min(attempt, 5)));
    }
    throw new VaultError('UserErrorConcurrentUpdate', { resource: key });
  }

  /** Deletes the row when `confirm` agrees with what is there; true when this call deleted it. */
  async remove(partition: string, key: string, confirm: (current: T) => boolean = () => true): Promise<boolean> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const current = await this.#rows.get<T>(this.#table, partition, key);
      if (!current || !confirm(current.value)) return false;
      if (await this.#rows.remove(this.#table, current)) return true;
    }
    throw new VaultError('UserErrorConcurrentUpdate', { resource: key });
  }

  async page(
    partition: string,
    request: PageRequest & { from?: string; before?: string },
  ): Promise<Page<T> & { readonly rows: readonly Row<T>[] }> {
    const { rows, continuation } = await this.#rows.list<T>(this.#table, partition, request);
    return { rows, items: rows.map((row) => row.value), ...(continuation === undefined ? {} : { continuation }) };
  }

  /** Every row of a range, page by page. */
  async *each(partition: string, range: { from?: string; before?: string } = {}): AsyncGenerator<Row<T>> {
    let continuation: string | undefined;
    do {
      const page = await this.#rows.list<T>(this.#table, partition, {
        ...range,
        pageSize: 200,
        ...(continuation === undefined ? {} : { continuation }),
      });
      yield* page.rows;
      continuation = page.continuation;
    } while (continuation !== undefined);
  }
}

/** Range of the keys that start with `prefix`. */
export const keysUnder = (prefix: string): { from: string; before: string } => ({
  from: prefix,
  before: prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1),
});
