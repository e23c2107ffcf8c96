import { ActionType, type OrchestratorAction } from './actions.ts';
import { EventType, isScheduling, type HistoryEvent, type StoredEvent } from './history.ts';

const suffix = 'Was a change made to the orchestrator code after this instance had already started running?';

interface Kind {
  noun: string;
  eventType: number;
  action: string;
}

const task: Kind = {
  noun: 'an activity task',
  eventType: EventType.TaskScheduled,
  action: 'ScheduleTaskOrchestratorAction',
};
const child: Kind = {
  noun: 'a sub-orchestration task',
  eventType: EventType.SubOrchestrationInstanceCreated,
  action: 'CreateSubOrchestrationAction',
};
const timer: Kind = {
  noun: 'a timer task',
  eventType: EventType.TimerCreated,
  action: 'CreateTimerOrchestratorAction',
};

const kindOfAction: ReadonlyMap<number, Kind> = new Map([
  [ActionType.CallActivity, task],
  [ActionType.CallActivityWithRetry, task],
  [ActionType.CallSubOrchestrator, child],
  [ActionType.CallSubOrchestratorWithRetry, child],
  [ActionType.CreateTimer, timer],
]);

function named(event: HistoryEvent): string {
  return typeof event['Name'] === 'string' ? ` named '${event['Name']}'` : '';
}

function contradiction(event: HistoryEvent, action: OrchestratorAction | undefined): string | undefined {
  const recorded = [task, child, timer].find((kind) => kind.eventType === event.EventType);
  if (recorded === undefined) return undefined;
  const before = `A previous execution of this orchestration scheduled ${recorded.noun} with sequence`;
  if (action === undefined) {
    const version = recorded === task ? ` (version '${String(event['Version'] ?? '')}')` : '';
    const name = recorded === timer ? '' : ` and name '${String(event['Name'])}'${version},`;
    return `${before} ID ${event.EventId}${name} but the current replay execution hasn't (yet?) scheduled this task. ${suffix}`;
  }
  const now = kindOfAction.get(action.actionType);
  const head = `${before} number ${event.EventId}${named(event)}, but the current orchestration replay instead`;
  if (now !== recorded)
    return `${head} produced a ${now?.action ?? 'different'} action with this sequence number. ${suffix}`;
  const name = event['Name'];
  if (typeof name === 'string' && name.toLowerCase() !== (action.functionName ?? '').toLowerCase()) {
    return `${head} scheduled ${recorded.noun} named '${action.functionName ?? ''}' with this sequence number.  ${suffix}`;
  }
  return undefined;
}

/**
 * Compares what earlier turns scheduled with what the orchestrator asks for now.
 * @returns the message the instance fails with, undefined when they agree
 */
export function nonDeterminism(
  history: readonly StoredEvent[],
  leaves: readonly OrchestratorAction[],
): string | undefined {
  for (const { event, origin } of history) {
    if (!isScheduling(event) || origin === undefined || origin.role !== 'task' || origin.attempt !== 1) continue;
    const text = contradiction(event, leaves[origin.place]);
    if (text !== undefined) return `Non-Deterministic workflow detected: ${text}`;
  }
  return undefined;
}
