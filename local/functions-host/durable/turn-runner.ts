import type { Invoker } from '../app/invocation.ts';
import type { HostSettings } from '../host-json.ts';
import type { HostLog } from '../log.ts';
import type { InstanceStore } from '../storage/instance-store.ts';
import type { OrchestratorResult } from './actions.ts';
import type { Batch } from './batch.ts';
import { unknownFunctionMessage } from './failure.ts';
import type { FunctionTable } from './function-table.ts';
import { EventType, newEvent, owedWork, type HistoryEvent, type StoredEvent } from './history.ts';
import { isTerminal, type InstanceState, type LoadedInstance } from './instance.ts';
import { firstEvents, nextState } from './states.ts';
import { readFailure, readOutcome, triggerPayload } from './trigger-payload.ts';
import { planTurn, type OrchestratorOutcome, type TurnPlan } from './turn-plan.ts';
import { versionProblem } from './versions.ts';

interface Dependencies {
  store: InstanceStore;
  functions: FunctionTable;
  invoker: Invoker;
  settings: HostSettings;
  log: HostLog;
}

/** Runs one turn: the orchestrator function replays its history with the new events, and what it asks for is committed. */
export class TurnRunner {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /**
   * Brings `live` up to date with what was committed. Nothing the plan asks for has been done yet.
   * @throws when the commit fails; it may have happened all the same
   */
  async run(live: LoadedInstance, batch: Batch): Promise<TurnPlan> {
    const began = performance.now();
    const { state, history } = live;
    const { plan, consumed } = await this.#plan(live, batch);
    // A continued execution starts with an empty history; the old one is not read again.
    const events = plan.status === 'ContinuedAsNew' ? [] : plan.events;
    const next = nextState(state, plan);
    const owes = isTerminal(next.status) ? owedWork(history, plan.events) : [];
    await this.#deps.store.commit(live, { next: owes.length > 0 ? { ...next, owes } : next, events, consumed });
    live.inbox = live.inbox.filter((message) => !consumed.includes(message));
    live.history = plan.status === 'ContinuedAsNew' ? [] : [...history, ...events];
    this.#logTurn(state, plan, performance.now() - began);
    return plan;
  }

  async #plan(live: LoadedInstance, batch: Batch): Promise<{ plan: TurnPlan; consumed: Batch['deliver'] }> {
    const { state, history } = live;
    const startedAt = new Date().toISOString();
    const delivered = history.length === 0 ? firstEvents(state, startedAt) : batch.deliver.map(({ event }) => event);
    const newEvents = [newEvent(EventType.OrchestratorStarted, startedAt), ...delivered];
    const outcome = await this.#invoke(state, history, newEvents);
    // Events behind the one that led to continue-as-new belong to the next execution; replaying one at a time shows which.
    const [first] = batch.deliver;
    if (outcome.kind === 'continued' && first !== undefined && batch.deliver.length > 1) {
      return this.#plan(live, { deliver: [first], drop: batch.drop });
    }
    const plan = planTurn({
      functionName: state.name,
      executionId: state.executionId,
      defaultVersion: this.#deps.settings.defaultVersion,
      history,
      newEvents,
      outcome,
      now: new Date().toISOString(),
      refuse: (kind, name) => this.#deps.functions.refusal(kind, name),
    });
    return { plan, consumed: [...batch.deliver, ...batch.drop] };
  }

  async #invoke(
    state: InstanceState,
    history: readonly StoredEvent[],
    newEvents: HistoryEvent[],
  ): Promise<OrchestratorOutcome> {
    const { functions, invoker, settings } = this.#deps;
    const problem = versionProblem(state.version, settings);
    if (problem !== undefined) return failed(problem);
    const fn = functions.orchestrator(state.name);
    if (fn === undefined) {
      return failed(unknownFunctionMessage(state.name, 'orchestrator', functions.orchestratorNames()));
    }
    const bindings = Object.entries(fn.metadata.bindings);
    const trigger = bindings.find(([, { type }]) => type === 'orchestrationTrigger')?.[0] ?? 'context';
    const payload = triggerPayload(state, history, newEvents);
    try {
      const { result } = await invoker.invoke(fn, {
        inputs: [{ name: trigger, data: { json: JSON.stringify(payload) } }],
        triggerMetadata: { instanceId: { json: JSON.stringify(state.instanceId) } },
      });
      return readOutcome(result as OrchestratorResult);
    } catch (error) {
      return readFailure(error);
    }
  }

  #logTurn(state: InstanceState, plan: TurnPlan, tookMs: number): void {
    const { log } = this.#deps;
    const line = `orchestration ${state.name} ${state.instanceId}`;
    const turn = `turn ${state.turns + 1}, ${Math.round(tookMs)} ms`;
    if (state.turns === 0 && plan.status === 'Running') log.info(`${line} started`);
    if (plan.status === 'Running') log.debug(`${line} ${turn}: ${plan.events.length} events`);
    else if (plan.status === 'Failed') log.warn(`${line} Failed (${turn}): ${firstLine(plan.output)}`);
    else log.info(`${line} ${plan.status} (${turn})`);
  }
}

function failed(message: string): OrchestratorOutcome {
  return { kind: 'failed', leaves: undefined, customStatus: null, message };
}

/** Messages nest whole stack traces; a log line takes the beginning. */
function firstLine(output: string | undefined): string {
  const text = String(JSON.parse(output ?? '""'));
  return (text.split('\n', 1)[0] ?? '').slice(0, 300);
}
