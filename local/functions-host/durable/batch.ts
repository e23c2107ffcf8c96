import { completedId, EventType, isControl, pendingEvents, type HistoryEvent, type StoredEvent } from './history.ts';
import type { InboxMessage, LoadedInstance } from './instance.ts';

/** A transaction holds 100 changes; a turn needs two besides the messages it uses up. */
export const batchLimit = 90;

export interface Batch {
  deliver: InboxMessage[];
  /** Answers to what nobody waits for any more: removed unseen. */
  drop: InboxMessage[];
}

/**
 * Picks the messages of the next turn. Control messages go alone and are all a suspended instance takes. A failure that will be retried, or a timer
 * that goes on, opens its turn: the replayer numbers the retry before whatever the orchestrator asks for next.
 * @returns undefined when there is nothing to do
 */
export function nextBatch(instance: Pick<LoadedInstance, 'state' | 'history' | 'inbox'>): Batch | undefined {
  const { state, history, inbox } = instance;
  const open = pendingEvents(history);
  const deliver: InboxMessage[] = [];
  const drop: InboxMessage[] = [];
  for (const message of inbox) {
    if (deliver.length >= batchLimit - drop.length) break;
    const { event, executionId } = message;
    const answers = completedId(event);
    const stale =
      (executionId !== undefined && executionId !== state.executionId) || (answers !== undefined && !open.has(answers));
    if (stale) {
      drop.push(message);
      continue;
    }
    if (state.status === 'Suspended' && !isControl(event)) continue;
    if (
      deliver.length > 0 &&
      (isControl(event) || mayGoOn(event, answers === undefined ? undefined : open.get(answers)))
    )
      break;
    deliver.push(message);
    if (answers !== undefined) open.delete(answers);
    if (isControl(event)) break;
  }
  return deliver.length > 0 ? { deliver, drop } : undefined;
}

/** True when the answer to `scheduled` may make the engine schedule a retry or another timer leg. */
function mayGoOn(event: HistoryEvent, scheduled: StoredEvent | undefined): boolean {
  if (scheduled?.origin?.goesOn !== true) return false;
  return (
    event.EventType === EventType.TaskFailed ||
    event.EventType === EventType.SubOrchestrationInstanceFailed ||
    event.EventType === EventType.TimerFired
  );
}
