import type { InstanceStore } from '../storage/instance-store.ts';
import type { InstanceIndex } from './instance-index.ts';
import { isTerminal } from './instance.ts';
import type { KeyedLock } from './slots.ts';

interface Dependencies {
  store: InstanceStore;
  locks: KeyedLock;
  index: InstanceIndex;
  /** Drops what is kept in memory of an instance whose row has changed. */
  forget: (instanceId: string) => void;
}

/**
 * Work that an ended instance asked for and did not wait for. It is done all the same, after a crash too: the instance's row says what is
 * owed until it has been done.
 */
export class OwedWork {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /** Notes that a piece has been done, so that the next start leaves it alone. Costs nothing while the instance runs. */
  async settle(instanceId: string, executionId: string, taskId: number): Promise<void> {
    const { store, locks, index, forget } = this.#deps;
    const status = index.status(instanceId);
    if (status === undefined || !isTerminal(status)) return;
    await locks.run(instanceId, async () => {
      const live = await store.load(instanceId);
      if (live?.state.executionId !== executionId || !live.state.owes?.includes(taskId)) return;
      const { owes, ...rest } = live.state;
      const left = owes.filter((id) => id !== taskId);
      await store.commit(live, {
        next: left.length > 0 ? { ...rest, owes: left } : rest,
        events: [],
        consumed: [],
      });
      forget(instanceId);
    });
  }
}
