import { leafActions, type OrchestratorAction, type OrchestratorResult } from './actions.ts';
import { orchestratorError } from './failure.ts';
import { EventType, type HistoryEvent, type StoredEvent } from './history.ts';
import type { InstanceState } from './instance.ts';
import type { OrchestratorOutcome } from './turn-plan.ts';

/** What the Durable extension hands to an orchestrator function for one turn. */
export interface TriggerPayload {
  history: HistoryEvent[];
  input: unknown;
  instanceId: string;
  isReplaying: boolean;
  parentInstanceId: string | null;
  upperSchemaVersion: number;
  upperSchemaVersionNew: number;
  longRunningTimerIntervalDuration: string;
  maximumShortTimerDuration: string;
  defaultHttpAsyncRequestSleepTimeMillseconds: number;
}

/** Events the orchestrator itself caused are never marked as played; delivered ones are, from the next turn on. */
const neverPlayed: ReadonlySet<number> = new Set([
  EventType.OrchestratorStarted,
  EventType.OrchestratorCompleted,
  EventType.TaskScheduled,
  EventType.SubOrchestrationInstanceCreated,
  EventType.TimerCreated,
]);

export function triggerPayload(
  state: Pick<InstanceState, 'instanceId' | 'input' | 'parent'>,
  history: readonly StoredEvent[],
  newEvents: readonly HistoryEvent[],
): TriggerPayload {
  const played = history.map(({ event }) => ({ ...event, IsPlayed: !neverPlayed.has(event.EventType) }));
  return {
    history: [...played, ...newEvents],
    input: JSON.parse(state.input) as unknown,
    instanceId: state.instanceId,
    isReplaying: history.length > 0,
    parentInstanceId: state.parent?.OrchestrationInstance.InstanceId ?? null,
    upperSchemaVersion: 1,
    upperSchemaVersionNew: 3,
    longRunningTimerIntervalDuration: '3.00:00:00',
    maximumShortTimerDuration: '6.00:00:00',
    defaultHttpAsyncRequestSleepTimeMillseconds: 30000,
  };
}

function text(value: unknown): string {
  return JSON.stringify(value ?? null);
}

/**
 * Reads what durable-functions returned. A task yielded again inside another when-any appears twice as the same object, but has one number:
 * it is counted where it appears first.
 */
export function readOutcome(result: OrchestratorResult): OrchestratorOutcome {
  const actions = result.actions.flat();
  const leaves = JSON.parse(JSON.stringify([...new Set(leafActions(actions))])) as OrchestratorAction[];
  const customStatus = result.customStatus === undefined ? null : text(result.customStatus);
  if (!result.isDone) return { kind: 'waiting', leaves, customStatus };
  const last = actions.at(-1);
  if (last?.actionType === 4) return { kind: 'continued', leaves, customStatus, input: text(last.input) };
  return { kind: 'done', leaves, customStatus, output: text(result.output) };
}

/** Reads the error durable-functions threw; its state names the actions up to the failure. */
export function readFailure(thrown: unknown): OrchestratorOutcome {
  const { message, state } = orchestratorError(thrown);
  const actions = state?.['actions'] as OrchestratorAction[][] | undefined;
  const customStatus = state?.['customStatus'] === undefined ? null : text(state['customStatus']);
  return {
    kind: 'failed',
    leaves: actions === undefined ? undefined : leafActions(actions.flat()),
    customStatus,
    message,
  };
}
