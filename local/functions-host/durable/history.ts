/** Numbers of DurableTask.Core's EventType, as durable-functions reads them. */
export const EventType = {
  ExecutionStarted: 0,
  ExecutionCompleted: 1,
  ExecutionTerminated: 3,
  TaskScheduled: 4,
  TaskCompleted: 5,
  TaskFailed: 6,
  SubOrchestrationInstanceCreated: 7,
  SubOrchestrationInstanceCompleted: 8,
  SubOrchestrationInstanceFailed: 9,
  TimerCreated: 10,
  TimerFired: 11,
  OrchestratorStarted: 12,
  OrchestratorCompleted: 13,
  EventRaised: 15,
  ExecutionSuspended: 19,
  ExecutionResumed: 20,
} as const;

export interface ParentInstance {
  Name: string;
  OrchestrationInstance: { InstanceId: string; ExecutionId: string };
  TaskScheduleId: number;
  Version: string | null;
}

/** One event as durable-functions receives it; fields depend on the type. JSON text fields hold serialized values. */
export interface HistoryEvent {
  EventType: number;
  EventId: number;
  IsPlayed: boolean;
  Timestamp: string;
  [field: string]: unknown;
}

/** Where in the orchestrator's action list a scheduled event came from: `place` is the leaf's position, `attempt` counts retries and timer legs. */
export interface Origin {
  place: number;
  attempt: number;
  role: 'task' | 'retry-timer' | 'timer-leg';
  /** A failure (or, for timers, the firing) may lead to a retry or a further leg. */
  goesOn?: boolean;
}

/** An event with what only this host needs: its origin, and the input that is never shown to the replayer. */
export interface StoredEvent {
  event: HistoryEvent;
  origin?: Origin;
  /** JSON text given to the activity. */
  input?: string;
  /** Timers the orchestrator no longer wants, recorded with the turn that gave them up. */
  cancelledTimers?: number[];
}

const scheduling: ReadonlySet<number> = new Set([
  EventType.TaskScheduled,
  EventType.SubOrchestrationInstanceCreated,
  EventType.TimerCreated,
]);

/** Each scheduled event takes one sequence number of the replayer, in order. */
export function isScheduling(event: HistoryEvent): boolean {
  return scheduling.has(event.EventType);
}

const completions: ReadonlyMap<number, string> = new Map([
  [EventType.TaskCompleted, 'TaskScheduledId'],
  [EventType.TaskFailed, 'TaskScheduledId'],
  [EventType.SubOrchestrationInstanceCompleted, 'TaskScheduledId'],
  [EventType.SubOrchestrationInstanceFailed, 'TaskScheduledId'],
  [EventType.TimerFired, 'TimerId'],
]);

/** @returns the sequence number a completion answers, undefined for other events */
export function completedId(event: HistoryEvent): number | undefined {
  const field = completions.get(event.EventType);
  const id = field === undefined ? undefined : event[field];
  return typeof id === 'number' ? id : undefined;
}

/** Control events act on the instance itself and are delivered alone. */
export function isControl(event: HistoryEvent): boolean {
  return (
    event.EventType === EventType.ExecutionSuspended ||
    event.EventType === EventType.ExecutionResumed ||
    event.EventType === EventType.ExecutionTerminated
  );
}

export function newEvent(
  eventType: number,
  timestamp: string,
  fields: Record<string, unknown> = {},
  eventId = -1,
): HistoryEvent {
  return { EventType: eventType, ...fields, EventId: eventId, IsPlayed: false, Timestamp: timestamp };
}

/** Scheduled events without an answer yet, by sequence number. */
/**
 * What an instance that ends has asked for and nobody may forget: activities that have not answered, and children of its last turn,
 * which are not started yet. Nobody waits for the answers, but the work is done all the same.
 */
export function owedWork(history: readonly StoredEvent[], lastTurn: readonly StoredEvent[]): number[] {
  const justAsked = new Set(lastTurn.map(({ event }) => event.EventId));
  return [...pendingEvents([...history, ...lastTurn])]
    .filter(
      ([id, { event }]) =>
        event.EventType === EventType.TaskScheduled ||
        (event.EventType === EventType.SubOrchestrationInstanceCreated && justAsked.has(id)),
    )
    .map(([id]) => id);
}

export function pendingEvents(history: readonly StoredEvent[]): Map<number, StoredEvent> {
  const pending = new Map<number, StoredEvent>();
  for (const stored of history) {
    if (isScheduling(stored.event)) pending.set(stored.event.EventId, stored);
    const answered = completedId(stored.event);
    if (answered !== undefined) pending.delete(answered);
    for (const id of stored.cancelledTimers ?? []) pending.delete(id);
  }
  return pending;
}
