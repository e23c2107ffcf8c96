import type { InstanceStore } from '../storage/instance-store.ts';
import { completedId, pendingEvents } from './history.ts';
import { isTerminal, type InboxMessage, type LoadedInstance } from './instance.ts';

interface Posted {
  message: InboxMessage;
  /** False for what can be derived from stored histories. */
  store: boolean;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Instances kept in memory; the ones beyond this count and at rest are read again when needed. */
const restingLimit = 500;
/** One transaction; also keeps it under the table's 4 MB (30,000 characters a message at most). */
const storeLimit = 40;

/**
 * Instances in memory and the messages on their way to them. Everything but `post`, `peek` and `scheduleOnce` is called by whoever holds the
 * instance's lock.
 */
export class Mailbox {
  readonly #store: InstanceStore;
  readonly #wake: (instanceId: string) => void;
  readonly #live = new Map<string, LoadedInstance>();
  readonly #posted = new Map<string, Posted[]>();
  readonly #scheduled = new Set<string>();

  constructor(store: InstanceStore, wake: (instanceId: string) => void) {
    this.#store = store;
    this.#wake = wake;
  }

  /** @returns when the message is stored (or, not to be stored, is known to the instance) */
  post(instanceId: string, message: InboxMessage, store: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const list = this.#posted.get(instanceId) ?? [];
      list.push({ message, store, resolve, reject });
      this.#posted.set(instanceId, list);
      this.#wake(instanceId);
    });
  }

  peek(instanceId: string): LoadedInstance | undefined {
    return this.#live.get(instanceId);
  }

  /** Many wake-ups before the work begins are one. */
  scheduleOnce(instanceId: string, begin: () => void): void {
    if (this.#scheduled.has(instanceId)) return;
    this.#scheduled.add(instanceId);
    begin();
  }

  started(instanceId: string): void {
    this.#scheduled.delete(instanceId);
  }

  adopt(instance: LoadedInstance): void {
    this.#live.set(instance.state.instanceId, instance);
  }

  forget(instanceId: string): void {
    this.#live.delete(instanceId);
  }

  async reload(instanceId: string): Promise<LoadedInstance | undefined> {
    this.#live.delete(instanceId);
    return this.#load(instanceId);
  }

  /** Stores the posted messages together and hands them to the instance. */
  async collect(instanceId: string): Promise<LoadedInstance | undefined> {
    const live = this.#live.get(instanceId) ?? (await this.#load(instanceId));
    for (;;) {
      const posted = this.#posted.get(instanceId)?.splice(0, storeLimit) ?? [];
      if (posted.length === 0) {
        this.#posted.delete(instanceId);
        return live;
      }
      const wanted =
        live === undefined || isTerminal(live.state.status)
          ? []
          : posted.filter(({ message }) => isAwaited(live, message));
      const toStore = wanted.filter(({ store }) => store).map(({ message }) => message);
      try {
        if (toStore.length > 0) await this.#store.append(instanceId, toStore);
      } catch (error) {
        for (const { reject } of posted) reject(error);
        throw error;
      }
      live?.inbox.push(...wanted.map(({ message }) => message));
      for (const { resolve } of posted) resolve();
    }
  }

  async #load(instanceId: string): Promise<LoadedInstance | undefined> {
    const live = await this.#store.load(instanceId);
    if (live === undefined) return undefined;
    this.#live.delete(instanceId);
    this.#live.set(instanceId, live);
    if (this.#live.size > restingLimit) this.#evict();
    return live;
  }

  /** Oldest first; one with messages or work ahead stays. */
  #evict(): void {
    for (const [instanceId, { inbox, history }] of this.#live) {
      if (this.#live.size <= restingLimit) return;
      const resting =
        inbox.length === 0 && history.length > 0 && !this.#posted.has(instanceId) && !this.#scheduled.has(instanceId);
      if (resting) this.#live.delete(instanceId);
    }
  }
}

/** Answers to an earlier execution, or to what is answered already, are not worth storing. */
function isAwaited(live: LoadedInstance, { event, executionId }: InboxMessage): boolean {
  if (executionId !== undefined && executionId !== live.state.executionId) return false;
  const id = completedId(event);
  if (id === undefined) return true;
  const answered = live.inbox.some(
    (waiting) => completedId(waiting.event) === id && waiting.executionId === executionId,
  );
  return !answered && pendingEvents(live.history).has(id);
}
