import { ActionType, retryDelayMs, unsupportedReason, type OrchestratorAction } from './actions.ts';
import { nonDeterminism } from './determinism.ts';
import { orchestratorFailureMessage } from './failure.ts';
import {
  completedId,
  EventType,
  isScheduling,
  newEvent,
  pendingEvents,
  type HistoryEvent,
  type Origin,
  type StoredEvent,
} from './history.ts';

const day = 86_400_000;
/** Timers longer than this are kept as legs; the replayer is told the same two figures. */
const maximumShortTimerMs = 6 * day;
const longTimerLegMs = 3 * day;

/** What the orchestrator function made of a turn. `leaves` are its numbered actions, the same object counted once. */
export type OrchestratorOutcome =
  | { kind: 'waiting'; leaves: OrchestratorAction[]; customStatus: string | null }
  | { kind: 'done'; leaves: OrchestratorAction[]; customStatus: string | null; output: string }
  | { kind: 'continued'; leaves: OrchestratorAction[]; customStatus: string | null; input: string }
  | { kind: 'failed'; leaves: OrchestratorAction[] | undefined; customStatus: string | null; message: string };

export interface TurnInput {
  functionName: string;
  executionId: string;
  /** Version given to sub-orchestrations that ask for none. */
  defaultVersion: string | null;
  history: readonly StoredEvent[];
  /** OrchestratorStarted first, then the delivered events. */
  newEvents: readonly HistoryEvent[];
  outcome: OrchestratorOutcome;
  /** ISO time of the events the turn produces. */
  now: string;
  /** @returns why a function cannot be called, undefined when it can */
  refuse: (kind: 'activity' | 'orchestrator', name: string) => string | undefined;
}

export interface TurnPlan {
  /** All events of the turn in order: delivered, scheduled, and the closing ones. */
  events: StoredEvent[];
  status: 'Running' | 'Suspended' | 'Completed' | 'Failed' | 'Terminated' | 'ContinuedAsNew';
  /** JSON text; undefined leaves what is stored. */
  output?: string;
  customStatus: string | null;
  /** JSON text of the next execution's input. */
  nextInput?: string;
}

/** Decides what a turn commits. Pure: the caller stores the events and only then acts on them. */
export function planTurn(input: TurnInput): TurnPlan {
  const { outcome, newEvents, now } = input;
  const delivered = newEvents.map((event): StoredEvent => ({ event }));
  const terminated = newEvents.find((event) => event.EventType === EventType.ExecutionTerminated);
  const close = (
    status: 'Completed' | 'Failed' | 'Terminated',
    output: string,
    scheduled: StoredEvent[] = [],
  ): TurnPlan => ({
    events: [
      ...delivered,
      ...scheduled,
      { event: completed(status, output, now) },
      { event: newEvent(EventType.OrchestratorCompleted, now) },
    ],
    status,
    output,
    customStatus: outcome.customStatus,
  });
  if (terminated !== undefined) return close('Terminated', JSON.stringify(terminated['Input'] ?? null));
  const contradiction = outcome.leaves === undefined ? undefined : nonDeterminism(input.history, outcome.leaves);
  if (contradiction !== undefined) return close('Failed', JSON.stringify(contradiction));
  const fail = (message: string): TurnPlan =>
    close('Failed', JSON.stringify(orchestratorFailureMessage(input.functionName, message)));
  if (outcome.kind === 'failed') return fail(outcome.message);
  const scheduled = schedule(input, outcome.leaves);
  if (typeof scheduled === 'string') return fail(scheduled);
  if (outcome.kind === 'done') return close('Completed', outcome.output, scheduled);
  const closing: StoredEvent = { event: newEvent(EventType.OrchestratorCompleted, now) };
  const cancelledTimers = newlyCancelled(input.history, outcome.leaves, scheduled);
  if (cancelledTimers.length > 0) closing.cancelledTimers = cancelledTimers;
  const events = [...delivered, ...scheduled, closing];
  const customStatus = outcome.customStatus;
  if (outcome.kind === 'continued') return { events, status: 'ContinuedAsNew', customStatus, nextInput: outcome.input };
  return { events, ...suspension(newEvents), customStatus };
}

function completed(status: string, output: string, now: string): HistoryEvent {
  return newEvent(EventType.ExecutionCompleted, now, {
    OrchestrationStatus: status,
    Result: output,
    FailureDetails: null,
  });
}

/** Suspending and resuming show their reason as output. Whoever neither suspends nor resumes was running before. */
function suspension(newEvents: readonly HistoryEvent[]): { status: 'Running' | 'Suspended'; output?: string } {
  const change = newEvents.findLast(
    ({ EventType: type }) => type === EventType.ExecutionSuspended || type === EventType.ExecutionResumed,
  );
  if (change === undefined) return { status: 'Running' };
  const status = change.EventType === EventType.ExecutionSuspended ? 'Suspended' : 'Running';
  return { status, output: JSON.stringify(change['Reason'] ?? null) };
}

/** @returns new scheduling events in the replayer's numbering, or why the orchestrator must fail */
function schedule(input: TurnInput, leaves: readonly OrchestratorAction[]): StoredEvent[] | string {
  const firsts = input.history.filter(
    ({ event, origin }) => isScheduling(event) && origin?.role === 'task' && origin.attempt === 1,
  );
  const wanted = [...followUps(input, leaves), ...newTasks(leaves, firsts.length)];
  let id = input.history.filter(({ event }) => isScheduling(event)).length;
  const events: StoredEvent[] = [];
  for (const { action, origin } of wanted) {
    const refusal = unsupportedReason(action) ?? refusalOf(action, input.refuse);
    if (refusal !== undefined) return refusal;
    const event = scheduledEvent(action, origin, id, input);
    events.push(event);
    id += 1;
  }
  return events;
}

interface Wanted {
  action: OrchestratorAction;
  origin: Origin;
}

function newTasks(leaves: readonly OrchestratorAction[], seen: number): Wanted[] {
  return leaves
    .slice(seen)
    .map((action, index) => ({ action, origin: { place: seen + index, attempt: 1, role: 'task' } }));
}

/**
 * Retries and timer legs that the delivered events ask for. The replayer numbers them as it meets the event, before the orchestrator goes on;
 * the engine delivers such an event first in its turn, so that both numberings agree.
 */
function followUps(input: TurnInput, leaves: readonly OrchestratorAction[]): Wanted[] {
  const pending = pendingEvents(input.history);
  return input.newEvents.flatMap((event): Wanted[] => {
    const id = completedId(event);
    const answered = id === undefined ? undefined : pending.get(id);
    const origin = answered?.origin;
    const action = origin === undefined ? undefined : leaves[origin.place];
    if (answered === undefined || origin === undefined || action === undefined) return [];
    if (event.EventType === EventType.TimerFired) return afterTimer(answered.event, origin, action, input.newEvents[0]);
    const failed =
      event.EventType === EventType.TaskFailed || event.EventType === EventType.SubOrchestrationInstanceFailed;
    if (!failed || action.retryOptions === undefined) return [];
    return [{ action, origin: { place: origin.place, attempt: origin.attempt, role: 'retry-timer' } }];
  });
}

function afterTimer(
  created: HistoryEvent,
  origin: Origin,
  action: OrchestratorAction,
  started: HistoryEvent | undefined,
): Wanted[] {
  if (origin.role === 'retry-timer') {
    const again = origin.attempt < (action.retryOptions?.maxNumberOfAttempts ?? 0);
    return again ? [{ action, origin: { place: origin.place, attempt: origin.attempt + 1, role: 'task' } }] : [];
  }
  const final = Date.parse(action.fireAt ?? '');
  const unfinished = Date.parse(String(created['FireAt'])) < final && Date.parse(started?.Timestamp ?? '') < final;
  return unfinished
    ? [{ action, origin: { place: origin.place, attempt: origin.attempt + 1, role: 'timer-leg' } }]
    : [];
}

function refusalOf(action: OrchestratorAction, refuse: TurnInput['refuse']): string | undefined {
  if (action.functionName === undefined) return undefined;
  const activity =
    action.actionType === ActionType.CallActivity || action.actionType === ActionType.CallActivityWithRetry;
  return refuse(activity ? 'activity' : 'orchestrator', action.functionName);
}

function scheduledEvent(action: OrchestratorAction, origin: Origin, id: number, input: TurnInput): StoredEvent {
  const startedAt = Date.parse(input.newEvents[0]?.Timestamp ?? input.now);
  if (origin.role === 'retry-timer' && action.retryOptions !== undefined) {
    const fireAt = new Date(startedAt + retryDelayMs(action.retryOptions, origin.attempt)).toISOString();
    return {
      event: newEvent(EventType.TimerCreated, input.now, { FireAt: fireAt }, id),
      origin: { ...origin, goesOn: true },
    };
  }
  if (action.actionType === ActionType.CreateTimer) {
    const final = Date.parse(action.fireAt ?? '');
    const goesOn = final - startedAt > maximumShortTimerMs;
    const fireAt = new Date(goesOn ? startedAt + longTimerLegMs : final).toISOString();
    return {
      event: newEvent(EventType.TimerCreated, input.now, { FireAt: fireAt }, id),
      origin: { ...origin, goesOn },
    };
  }
  const task = { ...origin, goesOn: action.retryOptions !== undefined };
  if (action.actionType === ActionType.CallActivity || action.actionType === ActionType.CallActivityWithRetry) {
    const fields = { Name: action.functionName, Version: '', Input: null, ParentTraceContext: null, Tags: null };
    return {
      event: newEvent(EventType.TaskScheduled, input.now, fields, id),
      origin: task,
      input: activityInput(action.input),
    };
  }
  const instanceId = action.instanceId ?? `${input.executionId}:${id}`;
  const version = action.version ?? input.defaultVersion;
  const fields = {
    Name: action.functionName,
    Version: version,
    InstanceId: instanceId,
    Input: null,
    ClientSpanId: null,
    Tags: null,
  };
  return {
    event: newEvent(EventType.SubOrchestrationInstanceCreated, input.now, fields, id),
    origin: task,
    input: JSON.stringify(action.input ?? null),
  };
}

/** durable-functions has made JSON text of a string already; everything else arrives as the value itself. */
function activityInput(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

function newlyCancelled(
  history: readonly StoredEvent[],
  leaves: readonly OrchestratorAction[],
  scheduled: readonly StoredEvent[],
): number[] {
  return [...pendingEvents([...history, ...scheduled]).values()]
    .filter(
      ({ event, origin }) =>
        event.EventType === EventType.TimerCreated && origin !== undefined && leaves[origin.place]?.isCanceled === true,
    )
    .map(({ event }) => event.EventId);
}
