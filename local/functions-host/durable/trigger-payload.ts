import { ActionType, leafActions, type OrchestratorAction, type OrchestratorResult } from './actions.ts';
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

/** The extension gets actions as JSON and starts a task again wherever it stands in the list; its numbering then differs from the replayer's. */
const yieldedAgain =
  'A task that was yielded before stands in another Task.any or Task.all. The Durable extension would start it a second time and the orchestration ' +
  'would hang or mix up results (azure-functions-durable-js issue 574). Only external events may be waited for again.';

/** Reads what durable-functions returned. */
export function readOutcome(result: OrchestratorResult): OrchestratorOutcome {
  const actions = result.actions.flat();
  const numbered = leafActions(actions);
  const leaves = JSON.parse(JSON.stringify(numbered)) as OrchestratorAction[];
  const customStatus = result.customStatus === undefined ? null : text(result.customStatus);
  // Seen before JSON, a task yielded again is the same object.
  if (new Set(numbered).size < numbered.length)
    return { kind: 'failed', leaves: undefined, customStatus, message: yieldedAgain };
  if (!result.isDone) return { kind: 'waiting', leaves, customStatus };
  const last = actions.at(-1);
  if (last?.actionType === ActionType.ContinueAsNew)
    return { kind: 'continued', leaves, customStatus, input: text(last.input) };
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
