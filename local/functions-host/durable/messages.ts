import { EventType, newEvent, type HistoryEvent, type ParentInstance } from './history.ts';
import type { ActivityOutcome } from './activity-runner.ts';
import { subOrchestrationFailure } from './failure.ts';
import type { InboxMessage, InstanceState } from './instance.ts';

export function executionStarted(state: InstanceState): HistoryEvent {
  return newEvent(EventType.ExecutionStarted, state.createdTime, {
    OrchestrationInstance: { InstanceId: state.instanceId, ExecutionId: state.executionId },
    ParentInstance: state.parent,
    Name: state.name,
    Version: state.version,
    Input: state.input,
    Tags: null,
    Correlation: null,
    ParentTraceContext: null,
    ScheduledStartTime: null,
    Generation: state.generation,
    GenerateNewTrace: false,
  });
}

export function activityFinished(
  taskId: number,
  executionId: string,
  outcome: ActivityOutcome,
  now: string,
): InboxMessage {
  const event =
    'result' in outcome
      ? newEvent(EventType.TaskCompleted, now, { TaskScheduledId: taskId, Result: outcome.result })
      : newEvent(EventType.TaskFailed, now, { TaskScheduledId: taskId, ...outcome.failure, FailureDetails: null });
  return { event, executionId };
}

/** The real host makes this message when the timer is set, and its time stays. */
export function timerFired(created: HistoryEvent, executionId: string): InboxMessage {
  const fields = { TimerId: created.EventId, FireAt: created['FireAt'] };
  return { event: newEvent(EventType.TimerFired, created.Timestamp, fields), executionId };
}

/** What an ended child tells its parent; failed and terminated ones alike are failures. */
export function childEnded(child: InstanceState, parent: ParentInstance): InboxMessage {
  const id = { TaskScheduledId: parent.TaskScheduleId };
  const executionId = parent.OrchestrationInstance.ExecutionId;
  const now = child.lastUpdatedTime;
  if (child.status === 'Completed') {
    return {
      event: newEvent(EventType.SubOrchestrationInstanceCompleted, now, { ...id, Result: child.output }),
      executionId,
    };
  }
  return childFailed(parent, String(JSON.parse(child.output ?? '""')), child.name, now);
}

export function childFailed(parent: ParentInstance, reason: string, childName: string, now: string): InboxMessage {
  const fields = {
    TaskScheduledId: parent.TaskScheduleId,
    ...subOrchestrationFailure(reason, childName),
    FailureDetails: null,
  };
  return {
    event: newEvent(EventType.SubOrchestrationInstanceFailed, now, fields),
    executionId: parent.OrchestrationInstance.ExecutionId,
  };
}

export function eventRaised(name: string, input: string | null, now: string): InboxMessage {
  return { event: newEvent(EventType.EventRaised, now, { Name: name, Input: input, ParentTraceContext: null }) };
}

export function control(kind: 'suspend' | 'resume' | 'terminate', reason: string | null, now: string): InboxMessage {
  if (kind === 'terminate') return { event: newEvent(EventType.ExecutionTerminated, now, { Input: reason }) };
  const type = kind === 'suspend' ? EventType.ExecutionSuspended : EventType.ExecutionResumed;
  return { event: newEvent(type, now, { Reason: reason }) };
}
