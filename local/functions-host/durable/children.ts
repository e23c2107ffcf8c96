import { randomUUID } from 'node:crypto';
import type { InstanceStore } from '../storage/instance-store.ts';
import type { HistoryEvent, ParentInstance } from './history.ts';
import { isTerminal, type InboxMessage, type InstanceState } from './instance.ts';
import { childEnded, childFailed } from './messages.ts';
import type { KeyedLock } from './slots.ts';
import { newInstance } from './states.ts';

interface Dependencies {
  store: InstanceStore;
  locks: KeyedLock;
  create: (state: InstanceState, existing: { state: InstanceState; etag: string } | undefined) => Promise<void>;
  wake: (instanceId: string) => void;
  /** Tells a parent what could be derived again. */
  tell: (parentId: string, message: InboxMessage) => void;
}

/** Sub-orchestrations: started once, however often their parent's turn is taken up again, and reported when they end. */
export class Children {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  reportEnd(child: InstanceState): void {
    if (child.parent !== null) {
      this.#deps.tell(child.parent.OrchestrationInstance.InstanceId, childEnded(child, child.parent));
    }
  }

  /** Found already there, the child is left running, or its end is reported. */
  async start(parentState: InstanceState, created: HistoryEvent, input: string): Promise<void> {
    const parent: ParentInstance = {
      Name: parentState.name,
      OrchestrationInstance: { InstanceId: parentState.instanceId, ExecutionId: parentState.executionId },
      TaskScheduleId: created.EventId,
      Version: null,
    };
    const instanceId = String(created['InstanceId']);
    await this.#deps.locks.run(instanceId, async () => {
      const existing = await this.#deps.store.readState(instanceId);
      if (existing !== undefined && isSame(existing.state.parent, parent)) {
        if (isTerminal(existing.state.status)) this.reportEnd(existing.state);
        return;
      }
      const name = String(created['Name']);
      if (existing !== undefined && !isTerminal(existing.state.status)) {
        const reason = `An Orchestration instance with the status ${existing.state.status} already exists.`;
        this.#deps.tell(parentState.instanceId, childFailed(parent, reason, name, new Date().toISOString()));
        return;
      }
      const version = typeof created['Version'] === 'string' ? created['Version'] : null;
      const executionId = randomUUID().replaceAll('-', '');
      const fresh = newInstance({ instanceId, name, version, input, generation: null, executionId });
      await this.#deps.create({ ...fresh, parent }, existing);
    });
    this.#deps.wake(instanceId);
  }
}

function isSame(one: ParentInstance | null, other: ParentInstance): boolean {
  return (
    one?.OrchestrationInstance.ExecutionId === other.OrchestrationInstance.ExecutionId &&
    one.TaskScheduleId === other.TaskScheduleId
  );
}
