import type { RuntimeStatus } from './instance.ts';

export interface IndexEntry {
  instanceId: string;
  status: RuntimeStatus;
  createdTime: string;
}

/** Every instance's status, kept in memory: this process is the hub's only writer. */
export class InstanceIndex {
  readonly #entries = new Map<string, IndexEntry>();

  set({ instanceId, status, createdTime }: IndexEntry): void {
    this.#entries.set(instanceId, { instanceId, status, createdTime });
  }

  delete(instanceId: string): void {
    this.#entries.delete(instanceId);
  }

  status(instanceId: string): RuntimeStatus | undefined {
    return this.#entries.get(instanceId)?.status;
  }

  /** In ordinal order of ids, as the real host pages them. */
  list(): IndexEntry[] {
    return [...this.#entries.values()].sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1));
  }
}
