import type { InstanceRef } from '../domain/ids.ts';
import { instanceKey, newestFirst } from '../domain/ids.ts';
import type { ScheduleSlot } from '../domain/records.ts';
import type { RowStore } from '../ports.ts';
import { Collection } from './collection.ts';
import type { Page, PageRequest, Versioned } from './collection.ts';

export interface DueEntry {
  /** When the next slot of the instance is due, ISO UTC. */
  at: string;
  instance: InstanceRef;
}

/** The due index (by time, over all vaults) and the insert-only slot rows that guard against a second start. */
export class ScheduleSlots {
  readonly #due: Collection<DueEntry>;
  readonly #slots: Collection<ScheduleSlot>;

  constructor(rows: RowStore) {
    this.#due = new Collection(rows, 'Due');
    this.#slots = new Collection(rows, 'Slots');
  }

  /** Key of the due row, kept on the instance so that a stale row is recognised. */
  async setDue(entry: DueEntry): Promise<string> {
    const key = `${entry.at}|${instanceKey(entry.instance)}`;
    await this.#due.upsert(duePartition, key, entry);
    return key;
  }

  async clearDue(key: string): Promise<void> {
    await this.#due.remove(duePartition, key);
  }

  /** Entries due at or before `now`, oldest first, page by page; stop iterating when enough is done. Entries of the future are not read. */
  async *due(now: string): AsyncGenerator<{ key: string; entry: DueEntry }> {
    for await (const row of this.#due.each(duePartition, { before: `${now}}` })) {
      yield { key: row.key, entry: row.value };
    }
  }

  /** Claims a slot. `mine` is false when the slot has a row already; the row tells how it stands. */
  async claim(slot: ScheduleSlot): Promise<{ mine: boolean; slot: ScheduleSlot }> {
    const key = slotKey(slot.slot);
    if (await this.#slots.insert(instanceKey(slot.instance), key, slot)) return { mine: true, slot };
    const current = await this.get(slot.instance, slot.slot);
    return { mine: false, slot: current?.value ?? slot };
  }

  get(instance: InstanceRef, slot: string): Promise<Versioned<ScheduleSlot> | undefined> {
    return this.#slots.get(instanceKey(instance), slotKey(slot));
  }

  /** Records the one outcome of a slot: a slot that has ended keeps its outcome. */
  async settle(
    instance: InstanceRef,
    slot: string,
    outcome: Pick<ScheduleSlot, 'outcome' | 'reason' | 'jobId' | 'updatedAt'>,
  ): Promise<void> {
    await this.#slots.update(instanceKey(instance), slotKey(slot), (current) =>
      current?.outcome === 'started' ? { ...current, ...outcome } : undefined,
    );
  }

  list(instance: InstanceRef, page: PageRequest): Promise<Page<ScheduleSlot>> {
    return this.#slots.page(instanceKey(instance), page);
  }
}

const duePartition = 'due';
const slotKey = (slot: string): string => newestFirst(Date.parse(slot));
