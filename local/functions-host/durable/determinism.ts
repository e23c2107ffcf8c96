import { ActionType, type OrchestratorAction } from './actions.ts';
import { EventType, isScheduling, type HistoryEvent, type StoredEvent } from './history.ts';

const suffix = 'Was a change made to the orchestrator code after this instance had already started running?';
const notYet = "but the current replay execution hasn't (yet?) scheduled this task.";

const actionNames: ReadonlyMap<number, string> = new Map([
  [ActionType.CallActivity, 'ScheduleTaskOrchestratorAction'],
  [ActionType.CallActivityWithRetry, 'ScheduleTaskOrchestratorAction'],
  [ActionType.CallSubOrchestrator, 'CreateSubOrchestrationAction'],
  [ActionType.CallSubOrchestratorWithRetry, 'CreateSubOrchestrationAction'],
  [ActionType.CreateTimer, 'CreateTimerOrchestratorAction'],
]);

interface Comparison {
  id: number;
  recorded: string;
  asked: OrchestratorAction | undefined;
  /** .NET's name of what is asked for now. */
  askedKind: string;
  sameName: boolean;
}

function activityChanged(
  { EventId: id, Version: version }: HistoryEvent,
  { recorded, asked, askedKind, sameName }: Comparison,
): string | undefined {
  const before = 'A previous execution of this orchestration scheduled an activity task with sequence';
  if (asked === undefined)
    return `${before} ID ${id} and name '${recorded}' (version '${String(version ?? '')}'), ${notYet} ${suffix}`;
  const instead = `${before} number ${id} named '${recorded}', but the current orchestration replay instead`;
  if (askedKind !== 'ScheduleTaskOrchestratorAction')
    return `${instead} produced a ${askedKind} action with this sequence number. ${suffix}`;
  if (sameName) return undefined;
  return `${instead} scheduled an activity task named '${asked.functionName ?? ''}' with this sequence number.  ${suffix}`;
}

function timerChanged({ EventId: id }: HistoryEvent, { asked, askedKind }: Comparison): string | undefined {
  const before = `A previous execution of this orchestration scheduled a timer task with sequence number ${id}`;
  if (asked === undefined) return `${before} ${notYet} ${suffix}`;
  if (askedKind === 'CreateTimerOrchestratorAction') return undefined;
  return `${before} named but the current orchestration replay instead produced a ${askedKind} action with this sequence number. ${suffix}`;
}

function childChanged(event: HistoryEvent, { recorded, asked, askedKind, sameName }: Comparison): string | undefined {
  const version = `version '${String(event['Version'] ?? '')}', instance ID '${String(event['InstanceId'])}'`;
  const before =
    `A previous execution of this orchestration scheduled a sub-orchestration task with sequence ID ${event.EventId} ` +
    `and name '${recorded}' (${version}),`;
  if (asked === undefined) return `${before} ${notYet} ${suffix}`;
  const instead = `${before} but the current orchestration replay instead`;
  if (askedKind !== 'CreateSubOrchestrationAction')
    return `${instead} produced a ${askedKind} action at this sequence number. ${suffix}`;
  if (sameName) return undefined;
  return `${instead} scheduled a sub-orchestration task with name ${asked.functionName ?? ''} at this sequence number. ${suffix}`;
}

/** The texts are DurableTask.Core's (TaskOrchestrationContext). */
function contradiction(event: HistoryEvent, asked: OrchestratorAction | undefined): string | undefined {
  const recorded = String(event['Name']);
  const askedKind =
    (asked === undefined ? undefined : actionNames.get(asked.actionType)) ?? 'SendEventOrchestratorAction';
  const sameName = recorded.toLowerCase() === (asked?.functionName ?? '').toLowerCase();
  const comparison = { id: event.EventId, recorded, asked, askedKind, sameName };
  if (event.EventType === EventType.TaskScheduled) return activityChanged(event, comparison);
  if (event.EventType === EventType.TimerCreated) return timerChanged(event, comparison);
  return childChanged(event, comparison);
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
