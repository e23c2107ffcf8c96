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
  if (options.showHistory) view['historyEvents'] = historyView(history, options);
  return view;
}

function historyView(history: readonly StoredEvent[], options: StatusOptions): unknown[] {
  const events = history.map(({ event }) => event);
  const scheduled = new Map(events.map((event) => [event.EventId, event]));
  const answered = new Set(events.map((event) => event['TaskScheduledId']));
  return events.flatMap((event) => {
    const isScheduled =
      event.EventType === EventType.TaskScheduled || event.EventType === EventType.SubOrchestrationInstanceCreated;
    // What has been answered is told with its answer.
    if (isScheduled && answered.has(event.EventId)) return [];
    const shown = eventView(event, scheduled, options);
    return shown === undefined ? [] : [shown];
  });
}

const names = new Map<number, string>(Object.entries(EventType).map(([name, number]) => [number, name]));

function eventView(event: HistoryEvent, scheduled: ReadonlyMap<number, HistoryEvent>, options: StatusOptions): unknown {
  const { EventType: type, EventId: _id, IsPlayed: _played, Timestamp, ...fields } = event;
  const base = { EventType: names.get(type) };
  const result = (): Record<string, unknown> =>
    options.showHistoryOutput ? { Result: value((fields['Result'] as string | null) ?? null) } : {};
  switch (type) {
    case EventType.OrchestratorStarted:
    case EventType.OrchestratorCompleted:
      return undefined;
    case EventType.ExecutionStarted: {
      const { Input, Correlation, ParentTraceContext, ScheduledStartTime, Generation, GenerateNewTrace, Name } = fields;
      const shown = options.showInput ? { Input } : {};
      return {
        ...base,
        ...shown,
        Correlation,
        ParentTraceContext,
        ScheduledStartTime,
        Generation,
        GenerateNewTrace,
        Timestamp,
        FunctionName: Name,
      };
    }
    case EventType.TaskCompleted:
    case EventType.SubOrchestrationInstanceCompleted:
      return { ...base, ...result(), Timestamp, ...scheduling(fields, scheduled) };
    case EventType.TaskFailed:
    case EventType.SubOrchestrationInstanceFailed: {
      const { Reason, Details, FailureDetails } = fields;
      return { ...base, Reason, Details, FailureDetails, Timestamp, ...scheduling(fields, scheduled) };
    }
    case EventType.TimerFired:
      return { ...base, FireAt: fields['FireAt'], Timestamp };
    case EventType.ExecutionCompleted:
      return {
        ...base,
        OrchestrationStatus: fields['OrchestrationStatus'],
        ...result(),
        FailureDetails: null,
        Timestamp,
      };
    case EventType.TaskScheduled:
    case EventType.SubOrchestrationInstanceCreated: {
      const { Name, Version: _version, ...rest } = fields;
      return { ...base, ...rest, Timestamp, Name };
    }
    default:
      return { ...base, ...fields, Timestamp };
  }
}

function scheduling(
  fields: Record<string, unknown>,
  scheduled: ReadonlyMap<number, HistoryEvent>,
): Record<string, unknown> {
  const event = scheduled.get(Number(fields['TaskScheduledId']));
  if (event === undefined) return {};
  return { ScheduledTime: event.Timestamp.replace(/Z$/, '+00:00'), FunctionName: event['Name'], Input: null };
}
