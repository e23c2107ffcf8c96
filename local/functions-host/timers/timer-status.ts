import type { StateTable } from '../storage/host-storage.ts';
import { partitionOf } from '../storage/row-keys.ts';

/** Times as ISO 8601. */
export interface TimerStatus {
  last: string;
  next: string;
  lastUpdated: string;
}

/** No instance id has this partition: it would be escaped. */
const partitionKey = '!timers';

/** When each timer last ran and runs next, kept in the hub's table. */
export class TimerStatusStore {
  readonly #table: StateTable;

  constructor(table: StateTable) {
    this.#table = table;
  }

  async read(functionName: string): Promise<TimerStatus | undefined> {
    const row = await this.#table.get(partitionKey, partitionOf(functionName));
    if (row === undefined) return undefined;
    const { last, next, lastUpdated } = row.cells;
    return { last: String(last), next: String(next), lastUpdated: String(lastUpdated) };
  }

  async write(functionName: string, status: TimerStatus): Promise<void> {
    await this.#table.write([
      { kind: 'upsert', row: { partitionKey, rowKey: partitionOf(functionName), cells: { ...status } } },
    ]);
  }
}
