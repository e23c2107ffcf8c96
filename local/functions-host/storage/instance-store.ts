import type { StoredEvent } from '../durable/history.ts';
import type { InboxMessage, InstanceState, LoadedInstance, RuntimeStatus } from '../durable/instance.ts';
import { blobsOf, Payloads } from './payloads.ts';
import { ConcurrentChangeError, type Cell, type HostStorage, type Row, type RowChange } from './host-storage.ts';
import { historyRowKey, instanceRowKey, nextInboxKey, partitionOf } from './row-keys.ts';

/** What the host remembers of every instance, so that listing needs no scan. */
export interface InstanceSummary {
  instanceId: string;
  status: RuntimeStatus;
  createdTime: string;
  /** An ended instance that asked for work which is not done yet. */
  owes: boolean;
}

export interface TurnCommit {
  next: InstanceState;
  /** Events of this turn, appended as one row. */
  events: StoredEvent[];
  consumed: InboxMessage[];
}

const transactionLimit = 100;

/** Orchestration state in the hub's table. All rows of an instance share a partition, so a turn is one atomic write. */
export class InstanceStore {
  readonly #storage: HostStorage;
  readonly #payloads: Payloads;

  constructor(storage: HostStorage) {
    this.#storage = storage;
    this.#payloads = new Payloads(storage.blobs);
  }

  async summaries(): Promise<InstanceSummary[]> {
    const rows = await this.#storage.table.withRowKey(instanceRowKey);
    return rows.map(({ cells }) => ({
      instanceId: String(cells['instanceId']),
      status: String(cells['status']) as RuntimeStatus,
      createdTime: String(cells['createdTime']),
      owes: cells['owes'] === true,
    }));
  }

  async readState(instanceId: string): Promise<{ state: InstanceState; etag: string } | undefined> {
    const row = await this.#storage.table.get(partitionOf(instanceId), instanceRowKey);
    return row === undefined ? undefined : { state: await this.#toState(row), etag: row.etag ?? '' };
  }

  async load(instanceId: string): Promise<LoadedInstance | undefined> {
    const rows = await this.#storage.table.partition(partitionOf(instanceId));
    const own = rows.find((row) => row.rowKey === instanceRowKey);
    if (own === undefined) return undefined;
    const state = await this.#toState(own);
    const currentHistory = `h|${String(state.execution).padStart(8, '0')}|`;
    const history: StoredEvent[] = [];
    const inbox: InboxMessage[] = [];
    for (const row of rows) {
      if (row.rowKey.startsWith(currentHistory)) history.push(...(JSON.parse(await this.#text(row)) as StoredEvent[]));
      if (row.rowKey.startsWith('q|') && row.rowKey >= state.inboxFrom) {
        inbox.push({ ...(JSON.parse(await this.#text(row)) as InboxMessage), rowKey: row.rowKey });
      }
    }
    return { state, etag: own.etag ?? '', cells: own.cells, history, inbox };
  }

  /**
   * Stores a new instance, or a new run of an ended one.
   * @throws ConcurrentChangeError when the row is not as `previousEtag` (undefined: absent) says
   */
  async create(state: InstanceState, previousEtag: string | undefined): Promise<LoadedInstance> {
    const row = await this.#toRow(state);
    const change: RowChange =
      previousEtag === undefined ? { kind: 'insert', row } : { kind: 'replace', row, etag: previousEtag };
    const etag = this.#etag(await this.#storage.table.write([change]));
    return { state, etag, cells: row.cells, history: [], inbox: [] };
  }

  /** Stores messages in order of arrival, at most 90 of them and together. Each gets its row key. */
  async append(instanceId: string, messages: InboxMessage[]): Promise<void> {
    const partitionKey = partitionOf(instanceId);
    const changes: RowChange[] = [];
    for (const message of messages) {
      message.rowKey = nextInboxKey(Date.now());
      const { event, executionId } = message;
      const cells: Record<string, Cell> = {};
      await this.#payloads.put(cells, 'data', JSON.stringify({ event, executionId }), partitionKey);
      changes.push({ kind: 'insert', row: { partitionKey, rowKey: message.rowKey, cells } });
    }
    try {
      await this.#storage.table.write(changes);
    } catch (error) {
      // The keys are this process's own: found there already, an earlier try was stored and its answer lost.
      if (!(error instanceof ConcurrentChangeError)) throw error;
    }
  }

  /**
   * Commits a turn: state, history and the messages it used up, all or nothing; then brings `current` up to date.
   * @throws ConcurrentChangeError when another host wrote the instance since it was loaded
   */
  async commit(current: LoadedInstance, turn: TurnCommit): Promise<void> {
    const partitionKey = partitionOf(turn.next.instanceId);
    const row = await this.#toRow(turn.next, current);
    const changes: RowChange[] = [{ kind: 'replace', row, etag: current.etag }];
    if (turn.events.length > 0) {
      const cells: Record<string, Cell> = {};
      await this.#payloads.put(cells, 'data', JSON.stringify(turn.events), partitionKey);
      const rowKey = historyRowKey(turn.next.execution, turn.next.turns - 1);
      changes.push({ kind: 'insert', row: { partitionKey, rowKey, cells } });
    }
    for (const { rowKey } of turn.consumed) {
      if (rowKey !== undefined) changes.push({ kind: 'delete', partitionKey, rowKey });
    }
    current.etag = this.#etag(await this.#storage.table.write(changes));
    const replaced = blobsOf(current.cells).filter((blob) => !blobsOf(row.cells).includes(blob));
    current.cells = row.cells;
    current.state = turn.next;
    await this.#payloads.removeAll(replaced);
  }

  /** Removes rows no longer read: histories of ended executions and messages to them. Safe to repeat or to leave undone. */
  async sweep(state: InstanceState): Promise<void> {
    const rows = await this.#storage.table.partition(partitionOf(state.instanceId));
    const currentHistory = `h|${String(state.execution).padStart(8, '0')}|`;
    await this.#remove(
      rows.filter(
        ({ rowKey }) =>
          (rowKey.startsWith('h|') && rowKey < currentHistory) || (rowKey.startsWith('q|') && rowKey < state.inboxFrom),
      ),
    );
  }

  /** Removes everything of an instance, its own row last, so that a crash in between can be purged again. */
  async purge(instanceId: string): Promise<void> {
    const rows = await this.#storage.table.partition(partitionOf(instanceId));
    await this.#remove(rows.filter((row) => row.rowKey !== instanceRowKey));
    await this.#remove(rows.filter((row) => row.rowKey === instanceRowKey));
  }

  async #remove(rows: Row[]): Promise<void> {
    for (let start = 0; start < rows.length; start += transactionLimit) {
      const page = rows.slice(start, start + transactionLimit);
      await this.#storage.table.write(
        page.map(({ partitionKey, rowKey }) => ({ kind: 'delete', partitionKey, rowKey }) as const),
      );
      await this.#payloads.removeAll(page.flatMap(({ cells }) => blobsOf(cells)));
    }
  }

  async #text(row: Row): Promise<string> {
    const text = await this.#payloads.get(row.cells, 'data');
    if (text === null) throw new Error(`row ${row.rowKey} of ${row.partitionKey} holds no data`);
    return text;
  }

  #etag(written: Map<string, string>): string {
    const etag = written.get(instanceRowKey);
    if (etag === undefined) throw new Error('the table did not tell the new version of the instance row');
    return etag;
  }

  async #toRow(state: InstanceState, previous?: LoadedInstance): Promise<Row> {
    const { input, output, customStatus, ...rest } = state;
    const partitionKey = partitionOf(state.instanceId);
    const cells: Record<string, Cell> = {
      instanceId: state.instanceId,
      status: state.status,
      createdTime: state.createdTime,
      state: JSON.stringify(rest),
      ...(state.owes === undefined ? {} : { owes: true }),
    };
    for (const [name, text] of Object.entries({ input, output, customStatus })) {
      const blob = previous?.cells[`${name}Blob`];
      const unchanged = previous?.state[name as 'input' | 'output' | 'customStatus'] === text;
      if (unchanged && blob !== undefined) cells[`${name}Blob`] = blob;
      else await this.#payloads.put(cells, name, text, partitionKey);
    }
    return { partitionKey, rowKey: instanceRowKey, cells };
  }

  async #toState(row: Row): Promise<InstanceState> {
    const rest = JSON.parse(String(row.cells['state'])) as Omit<InstanceState, 'input' | 'output' | 'customStatus'>;
    const [input, output, customStatus] = await Promise.all(
      ['input', 'output', 'customStatus'].map((name) => this.#payloads.get(row.cells, name)),
    );
    return { ...rest, input: input ?? 'null', output: output ?? null, customStatus: customStatus ?? null };
  }
}
