import { describe, expect, test } from 'vitest';
import { ActionType, retryDelayMs, type OrchestratorAction } from '../../../local/functions-host/durable/actions.ts';
import { nextBatch } from '../../../local/functions-host/durable/batch.ts';
import {
  EventType,
  newEvent,
  type HistoryEvent,
  type StoredEvent,
} from '../../../local/functions-host/durable/history.ts';
import type { InboxMessage, InstanceState } from '../../../local/functions-host/durable/instance.ts';
import { planTurn, type TurnPlan } from '../../../local/functions-host/durable/turn-plan.ts';
import { compareVersions, versionProblem } from '../../../local/functions-host/durable/versions.ts';
import { partitionOf } from '../../../local/functions-host/storage/row-keys.ts';

const time = '2026-11-23T08:00:00.000Z';
const retryOptions = { firstRetryIntervalInMilliseconds: 100, maxNumberOfAttempts: 2 };
const echo: OrchestratorAction = { actionType: ActionType.CallActivity, functionName: 'echo', input: 1 };
const shaky: OrchestratorAction = { actionType: ActionType.CallActivityWithRetry, functionName: 'shaky', retryOptions };

const failedTask = (id: number): HistoryEvent =>
  newEvent(EventType.TaskFailed, time, { TaskScheduledId: id, Reason: 'r', Details: 'd' });
const done = (id: number): HistoryEvent =>
  newEvent(EventType.TaskCompleted, time, { TaskScheduledId: id, Result: '1' });
const fired = (id: number): HistoryEvent => newEvent(EventType.TimerFired, time, { TimerId: id, FireAt: time });

function turn(history: StoredEvent[], newEvents: HistoryEvent[], leaves: OrchestratorAction[]): TurnPlan {
  return planTurn({
    functionName: 'test',
    executionId: 'e',
    defaultVersion: null,
    history,
    newEvents: [newEvent(EventType.OrchestratorStarted, time), ...newEvents],
    outcome: { kind: 'waiting', leaves, customStatus: null },
    now: time,
    refuse: () => undefined,
  });
}

function scheduled(plan: TurnPlan): string[] {
  return plan.events
    .filter(({ origin }) => origin !== undefined)
    .map(
      ({ event }) =>
        `${event.EventId} ${event.EventType === EventType.TimerCreated ? String(event['FireAt']) : String(event['Name'])}`,
    );
}

describe('a turn', () => {
  test('numbers retries before what the orchestrator asks for next', () => {
    const first = turn([], [newEvent(EventType.ExecutionStarted, time)], [shaky, echo]);
    expect(scheduled(first)).toEqual(['0 shaky', '1 echo']);
    const second = turn(first.events, [failedTask(0), done(1)], [shaky, echo, echo]);
    expect(scheduled(second)).toEqual(['2 2026-11-23T08:00:00.100Z', '3 echo']);
    const history = [...first.events, ...second.events];
    const third = turn(history, [fired(2)], [shaky, echo, echo]);
    expect(scheduled(third)).toEqual(['4 shaky']);
    const fourth = turn([...history, ...third.events], [failedTask(4)], [shaky, echo, echo]);
    expect(scheduled(fourth)).toEqual(['5 2026-11-23T08:00:00.000Z']);
    const fifth = turn([...history, ...third.events, ...fourth.events], [fired(5)], [shaky, echo, echo]);
    expect(scheduled(fifth)).toEqual([]);
  });

  test('fails an orchestration whose actions contradict its history', () => {
    const first = turn([], [newEvent(EventType.ExecutionStarted, time)], [echo]);
    const plan = turn(first.events, [done(0)], [{ ...echo, functionName: 'other' }]);
    expect(plan.status).toBe('Failed');
    expect(plan.output).toContain('Non-Deterministic workflow detected');
  });

  test('remembers timers the orchestrator gave up', () => {
    const timer: OrchestratorAction = {
      actionType: ActionType.CreateTimer,
      fireAt: '2026-11-23T09:00:00.000Z',
      isCanceled: false,
    };
    const first = turn([], [newEvent(EventType.ExecutionStarted, time)], [echo, timer]);
    const second = turn(first.events, [done(0)], [echo, { ...timer, isCanceled: true }]);
    expect(second.events.flatMap(({ cancelledTimers = [] }) => cancelledTimers)).toEqual([1]);
  });
});

describe('retry delays', () => {
  test('grow by the coefficient up to the longest, and are nothing after the last attempt', () => {
    const options = {
      ...retryOptions,
      maxNumberOfAttempts: 9,
      backoffCoefficient: 3,
      maxRetryIntervalInMilliseconds: 1_000,
    };
    expect([1, 2, 3, 4, 9].map((attempt) => retryDelayMs(options, attempt))).toEqual([100, 300, 900, 1_000, 0]);
  });
});

describe('the messages of a turn', () => {
  const history = turn([], [newEvent(EventType.ExecutionStarted, time)], [shaky, echo, echo]).events;
  const message = (event: HistoryEvent, executionId?: string): InboxMessage =>
    executionId === undefined ? { event } : { event, executionId };
  const state = (status: InstanceState['status']): InstanceState => ({ executionId: 'e', status }) as InstanceState;
  const suspend = message(newEvent(EventType.ExecutionSuspended, time, { Reason: null }));
  const resume = message(newEvent(EventType.ExecutionResumed, time, { Reason: null }));

  test('are taken together, but a failure that is retried opens its turn', () => {
    const inbox = [message(done(1), 'e'), message(failedTask(0), 'e'), message(done(2), 'e')];
    expect(nextBatch({ state: state('Running'), history, inbox })?.deliver).toEqual([inbox[0]]);
    expect(nextBatch({ state: state('Running'), history, inbox: inbox.slice(1) })?.deliver).toEqual(inbox.slice(1));
  });

  test('leave out answers to another execution and answers given before', () => {
    const inbox = [message(done(1), 'old'), message(done(1), 'e'), message(done(1), 'e'), message(done(7), 'e')];
    expect(nextBatch({ state: state('Running'), history, inbox })).toEqual({
      deliver: [inbox[1]],
      drop: [inbox[0], inbox[2], inbox[3]],
    });
  });

  test('wait while the instance is suspended, for which control messages go alone', () => {
    const event = message(newEvent(EventType.EventRaised, time, { Name: 'n', Input: '1' }));
    expect(nextBatch({ state: state('Running'), history, inbox: [event, suspend, resume] })?.deliver).toEqual([event]);
    expect(nextBatch({ state: state('Running'), history, inbox: [suspend, resume] })?.deliver).toEqual([suspend]);
    expect(nextBatch({ state: state('Suspended'), history, inbox: [event] })).toBeUndefined();
    expect(nextBatch({ state: state('Suspended'), history, inbox: [event, resume] })?.deliver).toEqual([resume]);
  });
});

describe('versions', () => {
  test('compare by number', () => {
    expect(compareVersions('1.10', '1.9')).toBe(1);
    expect(compareVersions('2.0', '2')).toBe(0);
  });

  test('older instances run, newer do not, under the default strategy', () => {
    const settings = { defaultVersion: '2.0', versionMatchStrategy: 'CurrentOrOlder' } as const;
    expect(versionProblem('1.9', settings)).toBeUndefined();
    expect(versionProblem('2.1', settings)).toContain('VersionMismatch');
    expect(versionProblem('1.9', { ...settings, versionMatchStrategy: 'Strict' })).toContain('VersionMismatch');
  });
});

describe('partition keys', () => {
  test('keep ids apart that differ', () => {
    const ids = ['a/b', 'a!002fb', 'a\\b', 'a#b', 'a?b', "it's", 'é', 'A/B', 'a b', 'a%2Fb'];
    expect(new Set(ids.map(partitionOf)).size).toBe(ids.length);
    expect(ids.map(partitionOf).join('')).toMatch(/^[^/\\#?%' ]*$/);
  });
});
