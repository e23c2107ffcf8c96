import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadApp } from '../../../local/functions-host/app/app-loader.ts';
import { FunctionsCore } from '../../../local/functions-host/app/functions-core.ts';
import { Invoker } from '../../../local/functions-host/app/invocation.ts';
import { leafActions, type OrchestratorAction } from '../../../local/functions-host/durable/actions.ts';
import { EventType, type HistoryEvent, type StoredEvent } from '../../../local/functions-host/durable/history.ts';
import type { InstanceState } from '../../../local/functions-host/durable/instance.ts';
import { triggerPayload } from '../../../local/functions-host/durable/trigger-payload.ts';
import { planTurn, type OrchestratorOutcome } from '../../../local/functions-host/durable/turn-plan.ts';
import { createLog } from '../../../local/functions-host/log.ts';
import { createApp, type AppFolder } from '../../host/support/app-folder.ts';
import {
  readJsonLines,
  readRecording,
  requireRecordings,
  type OrchestratorExecution,
} from '../../host/support/recordings.ts';

const found = requireRecordings();
const executions = found ? readJsonLines<OrchestratorExecution>('orchestrations.jsonl') : [];

function executionId({ trigger }: OrchestratorExecution): string {
  const started = trigger.history.find((event) => event['EventType'] === EventType.ExecutionStarted);
  return (started?.['OrchestrationInstance'] as { ExecutionId: string }).ExecutionId;
}

/** Turns of one execution in order; those that call entities are left out, which this host does not support. */
const runs = Map.groupBy(
  executions.filter(({ functionName }) => functionName !== 'entityUser'),
  executionId,
);

/** The index at which the events new to a turn begin. */
function turnStart(history: Record<string, unknown>[]): number {
  return history.findLastIndex((event) => event['EventType'] === EventType.OrchestratorStarted);
}

function outcomeOf({ returned }: OrchestratorExecution): OrchestratorOutcome {
  const actions = returned.actions.flat() as OrchestratorAction[];
  const leaves = leafActions(actions);
  const customStatus = JSON.stringify(returned.customStatus ?? null);
  if (!returned.isDone) return { kind: 'waiting', leaves, customStatus };
  if (actions.at(-1)?.actionType === 4) {
    return { kind: 'continued', leaves, customStatus, input: JSON.stringify(actions.at(-1)?.input) };
  }
  return { kind: 'done', leaves, customStatus, output: JSON.stringify(returned.output) };
}

/** Times are the machine's, except when a timer fires, to the millisecond. */
function comparable(event: Record<string, unknown>): Record<string, unknown> {
  const { Timestamp: _timestamp, IsPlayed: _played, FireAt, ...rest } = event;
  return typeof FireAt === 'string' ? { ...rest, FireAt: new Date(FireAt).toISOString() } : rest;
}

describe.skipIf(!found)('the recorded executions of orchestrators', () => {
  let app: AppFolder;
  let core: FunctionsCore;
  let invoker: Invoker;

  beforeAll(async () => {
    app = await createApp({ source: readRecording('recorded-app.mjs'), hubName: 'RecHub' });
    const log = createLog({ write: () => true }, false);
    core = new FunctionsCore(() => undefined);
    await loadApp(path.resolve(app.path), core);
    invoker = new Invoker(core, log, undefined);
  });

  afterAll(() => app.remove());

  test('are all there, and three of them call entities', () => {
    expect(executions).toHaveLength(51);
    expect([...runs.values()].flat()).toHaveLength(48);
  });

  test.for([...runs.values()].flat().map((execution, index) => ({ ...execution, index })))(
    'turn $index ($functionName): the app answers the recorded trigger with the recorded actions',
    async ({ functionName, trigger, returned }) => {
      const fn = core.functions.get(functionName);
      if (fn === undefined) throw new Error(`${functionName} is not registered`);
      const [binding = ''] = Object.keys(fn.metadata.bindings);
      const data = { json: JSON.stringify(trigger) };
      const { result } = await invoker.invoke(fn, { inputs: [{ name: binding, data }], triggerMetadata: {} });
      expect(JSON.parse(JSON.stringify(result))).toEqual(returned);
    },
  );

  test.for([...runs].map(([id, turns]) => ({ id, turns, name: turns[0]?.functionName, count: turns.length })))(
    '$name in $count turns: every trigger and every event is what the real extension made',
    ({ id, turns }) => {
      const history: StoredEvent[] = [];
      for (const [index, turn] of turns.entries()) {
        const { trigger } = turn;
        const newEvents = trigger.history.slice(turnStart(trigger.history)) as HistoryEvent[];
        const parent = (trigger.history[1]?.['ParentInstance'] ?? null) as InstanceState['parent'];
        const state = { instanceId: trigger.instanceId, input: JSON.stringify(trigger.input), parent };
        expect(triggerPayload(state, history, newEvents)).toEqual(trigger);

        const plan = planTurn({
          functionName: turn.functionName,
          executionId: id,
          defaultVersion: null,
          history,
          newEvents,
          outcome: outcomeOf(turn),
          now: new Date().toISOString(),
          refuse: () => undefined,
        });
        const next = turns[index + 1];
        if (next === undefined) continue;
        const recorded = next.trigger.history.slice(0, turnStart(next.trigger.history));
        const planned = [...history, ...plan.events];
        expect(planned.map(({ event }) => comparable(event))).toEqual(recorded.map(comparable));
        history.splice(
          0,
          history.length,
          ...planned.map((stored, at) => ({ ...stored, event: recorded[at] as HistoryEvent })),
        );
      }
    },
  );
});
