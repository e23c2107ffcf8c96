import { EventType, type HistoryEvent, type StoredEvent } from './history.ts';
import type { InstanceState } from './instance.ts';

export interface StatusOptions {
  showInput: boolean;
  showHistory: boolean;
  showHistoryOutput: boolean;
}

/** JSON text as the value it holds. */
function value(text: string | null): unknown {
  return text === null ? null : (JSON.parse(text) as unknown);
}

function seconds(time: string): string {
  return `${time.slice(0, 19)}Z`;
}

/** An instance's status as the management API shows it. */
export function statusView(
  state: InstanceState,
  history: readonly StoredEvent[],
  options: StatusOptions,
): Record<string, unknown> {
  const view: Record<string, unknown> = {
    name: state.name,
    instanceId: state.instanceId,
    runtimeStatus: state.status,
    input: options.showInput ? value(state.input) : null,
    customStatus: value(state.customStatus),
    output: value(state.output),
    createdTime: seconds(state.createdTime),
    lastUpdatedTime: seconds(state.lastUpdatedTime),
  };
  if (options.showHistory && state.status !== 'Pending') view['historyEvents'] = historyView(history, options);
  return view;
}

/** Fields the extension leaves out of its history, by type of event. */
const hidden: ReadonlyMap<number, readonly string[]> = new Map([
  [EventType.ExecutionStarted, ['Name', 'OrchestrationInstance', 'ParentInstance', 'Version', 'Tags']],
  [EventType.TaskScheduled, ['Version']],
  [EventType.SubOrchestrationInstanceCreated, ['Version']],
  [EventType.TaskCompleted, ['TaskScheduledId']],
  [EventType.TaskFailed, ['TaskScheduledId']],
  [EventType.SubOrchestrationInstanceCompleted, ['TaskScheduledId']],
  [EventType.SubOrchestrationInstanceFailed, ['TaskScheduledId']],
  [EventType.TimerFired, ['TimerId']],
]);

const names = new Map<number, string>(Object.entries(EventType).map(([name, number]) => [number, name]));

/** What has been answered is told with its answer, and turns are not told at all. */
function historyView(history: readonly StoredEvent[], options: StatusOptions): unknown[] {
  const events = history.map(({ event }) => event);
  const scheduled = new Map(events.filter((event) => 'Name' in event).map((event) => [event.EventId, event]));
  const answered = new Set(events.map((event) => event['TaskScheduledId']));
  return events
    .filter(({ EventType: type, EventId }) => {
      const turn = type === EventType.OrchestratorStarted || type === EventType.OrchestratorCompleted;
      const task = type === EventType.TaskScheduled || type === EventType.SubOrchestrationInstanceCreated;
      return !turn && !(task && answered.has(EventId));
    })
    .map((event) => eventView(event, scheduled.get(Number(event['TaskScheduledId'])), options));
}

function eventView(
  event: HistoryEvent,
  scheduled: HistoryEvent | undefined,
  options: StatusOptions,
): Record<string, unknown> {
  const { EventType: type, EventId: _id, IsPlayed: _played, ...fields } = event;
  const view: Record<string, unknown> = { EventType: names.get(type), ...fields };
  for (const field of hidden.get(type) ?? []) Reflect.deleteProperty(view, field);
  if (type === EventType.ExecutionStarted) view['FunctionName'] = event['Name'];
  if (scheduled !== undefined) {
    view['ScheduledTime'] = scheduled.Timestamp.replace(/Z$/, '+00:00');
    view['FunctionName'] = scheduled['Name'];
    view['Input'] = null;
  }
  if (!options.showHistoryOutput) delete view['Result'];
  else if (typeof view['Result'] === 'string') view['Result'] = value(view['Result']);
  if (!options.showInput) delete view['Input'];
  return view;
}
