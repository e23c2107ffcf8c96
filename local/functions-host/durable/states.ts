import { randomUUID } from 'node:crypto';
import { EventType, type HistoryEvent, newEvent } from './history.ts';
import type { InstanceState } from './instance.ts';
import { executionStarted } from './messages.ts';
import type { TurnPlan } from './turn-plan.ts';

type Fresh = Pick<InstanceState, 'instanceId' | 'name' | 'version' | 'input' | 'generation' | 'executionId'>;

export function newInstance(fresh: Fresh): InstanceState {
  const now = new Date().toISOString();
  return {
    ...fresh,
    status: 'Pending',
    execution: 0,
    turns: 0,
    continued: false,
    output: null,
    customStatus: null,
    createdTime: now,
    lastUpdatedTime: now,
    parent: null,
    inboxFrom: '',
  };
}

/** A continued execution's first turn carries the closing event of the turn that continued it, as on the real host. */
export function firstEvents(state: InstanceState, startedAt: string): HistoryEvent[] {
  const first = executionStarted(state);
  return state.continued ? [first, newEvent(EventType.OrchestratorCompleted, startedAt)] : [first];
}

/** The instance after a turn; one that continued as new is a fresh execution with the next input. */
export function nextState(state: InstanceState, plan: TurnPlan): InstanceState {
  const now = plan.events.at(-1)?.event.Timestamp ?? state.lastUpdatedTime;
  const customStatus = plan.customStatus ?? state.customStatus;
  if (plan.status === 'ContinuedAsNew') {
    return {
      ...state,
      customStatus,
      status: 'Running',
      executionId: randomUUID().replaceAll('-', ''),
      execution: state.execution + 1,
      turns: 0,
      continued: true,
      generation: null,
      input: plan.nextInput ?? 'null',
      output: null,
      createdTime: now,
      lastUpdatedTime: now,
    };
  }
  return {
    ...state,
    customStatus,
    status: plan.status,
    turns: state.turns + 1,
    output: plan.output ?? state.output,
    lastUpdatedTime: now,
  };
}
