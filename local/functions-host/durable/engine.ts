import { randomUUID } from 'node:crypto';
import type { TypedData } from '../app/core-types.ts';
import type { RegisteredFunction } from '../app/functions-core.ts';
import type { Invoker } from '../app/invocation.ts';
import type { HostSettings } from '../host-json.ts';
import type { HostLog } from '../log.ts';
import type { InstanceStore } from '../storage/instance-store.ts';
import { nextInboxKey } from '../storage/row-keys.ts';
import { ActivityRunner, type ActivityOutcome, type ActivityWork } from './activity-runner.ts';
import { nextBatch, type Batch } from './batch.ts';
import { unknownFunctionMessage } from './failure.ts';
import type { FunctionTable } from './function-table.ts';
import {
  EventType,
  newEvent,
  pendingEvents,
  type HistoryEvent,
  type ParentInstance,
  type StoredEvent,
} from './history.ts';
import { InstanceIndex } from './instance-index.ts';
import { isTerminal, type InboxMessage, type InstanceState, type LoadedInstance } from './instance.ts';
import { Mailbox } from './mailbox.ts';
import { activityFinished, childEnded, childFailed, executionStarted, timerFired } from './messages.ts';
import { KeyedLock, Slots } from './slots.ts';
import { TimerQueue } from './timer-queue.ts';
import { planTurn, type OrchestratorOutcome, type TurnPlan } from './turn-plan.ts';
import { readFailure, readOutcome, triggerPayload } from './trigger-payload.ts';
import { versionProblem } from './versions.ts';
import type { OrchestratorResult } from './actions.ts';

export interface EngineDependencies {
  store: InstanceStore;
  functions: FunctionTable;
  invoker: Invoker;
  settings: HostSettings;
  log: HostLog;
  clientInputs: (fn: RegisteredFunction) => { name: string; data: TypedData }[];
}

export interface StartRequest {
  name: string;
  instanceId?: string;
  /** JSON text. */
  input: string;
  version?: string;
}

export type StartAnswer = { started: true; instanceId: string } | { started: false; status: string };
export type SendAnswer = 'accepted' | 'unknown' | 'ended';

const retryFirstMs = 500;
const retryLongestMs = 30_000;

/**
 * Runs orchestrations: one turn at a time per instance, each turn committed before anything it asks for is done. What is waiting in memory (timers,
 * queued activities, children to start, ended children to report) is derived from stored histories, at start and after a failed write.
 */
export class DurableEngine {
  readonly #deps: EngineDependencies;
  readonly #locks = new KeyedLock();
  readonly #turnSlots: Slots;
  readonly #timers = new TimerQueue();
  readonly #activities: ActivityRunner;
  readonly #mailbox: Mailbox;
  readonly index = new InstanceIndex();
  #stopping = false;

  constructor(deps: EngineDependencies) {
    this.#deps = deps;
    this.#turnSlots = new Slots(deps.settings.maxConcurrentOrchestratorFunctions);
    this.#mailbox = new Mailbox(deps.store, (instanceId) => this.#wake(instanceId));
    this.#activities = new ActivityRunner({
      find: (name) => deps.functions.activity(name),
      names: () => deps.functions.activityNames(),
      invoker: deps.invoker,
      log: deps.log,
      limit: deps.settings.maxConcurrentActivityFunctions,
      clientInputs: deps.clientInputs,
      finished: (work, outcome) => this.#activityFinished(work, outcome),
    });
  }

  get runningActivities(): number {
    return this.#activities.running;
  }

  /** Takes up whatever the last host left: running activities start again, due timers fire, children and parents are reconciled. */
  async start(): Promise<void> {
    for (const summary of await this.#deps.store.summaries()) this.index.set(summary);
    const open = this.index.list().filter(({ status }) => !isTerminal(status));
    if (open.length > 0) this.#deps.log.info(`Resuming ${open.length} orchestration(s)`);
    const loading = new Slots(16);
    await Promise.all(open.map(({ instanceId }) => loading.run(() => this.#resume(instanceId))));
  }

  /** Starts no more turns or activities; resolves when running activities have ended and are stored. */
  async drain(): Promise<void> {
    this.#stopping = true;
    this.#timers.clearAll();
    await this.#activities.drain();
  }

  async startInstance(request: StartRequest): Promise<StartAnswer> {
    const instanceId = request.instanceId ?? randomUUID().replaceAll('-', '');
    const version = request.version ?? this.#deps.settings.defaultVersion;
    const answer = await this.#locks.run(instanceId, async (): Promise<StartAnswer> => {
      const existing = await this.#deps.store.readState(instanceId);
      const reusable = this.#deps.settings.overridableExistingInstanceStates === 'AnyState';
      if (existing !== undefined && !isTerminal(existing.state.status) && !reusable) {
        return { started: false, status: existing.state.status };
      }
      const fresh = newInstance({
        instanceId,
        name: request.name,
        version,
        input: request.input,
        generation: 0,
        executionId: randomUUID(),
      });
      await this.#create(fresh, existing);
      return { started: true, instanceId };
    });
    if (answer.started) this.#wake(instanceId);
    return answer;
  }

  /** Stores a message for a running instance. */
  async send(instanceId: string, message: InboxMessage): Promise<SendAnswer> {
    const status = this.index.status(instanceId);
    if (status === undefined) return 'unknown';
    if (isTerminal(status)) return 'ended';
    await this.#mailbox.post(instanceId, message, true);
    return 'accepted';
  }

  async read(
    instanceId: string,
    withHistory: boolean,
  ): Promise<{ state: InstanceState; history: StoredEvent[] } | undefined> {
    if (this.index.status(instanceId) === undefined) return undefined;
    const live = this.#mailbox.peek(instanceId);
    if (live !== undefined) return { state: live.state, history: live.history };
    const found = withHistory ? await this.#deps.store.load(instanceId) : await this.#deps.store.readState(instanceId);
    if (found === undefined) return undefined;
    return { state: found.state, history: 'history' in found ? (found.history as StoredEvent[]) : [] };
  }

  /** Removes an ended instance and everything it stored. */
  purge(instanceId: string): Promise<'purged' | 'unknown' | 'running'> {
    return this.#locks.run(instanceId, async () => {
      const status = this.index.status(instanceId);
      if (status === undefined) return 'unknown';
      if (!isTerminal(status)) return 'running';
      await this.#deps.store.purge(instanceId);
      this.#mailbox.forget(instanceId);
      this.index.delete(instanceId);
      return 'purged';
    });
  }

  async #create(state: InstanceState, existing: { state: InstanceState; etag: string } | undefined): Promise<void> {
    if (existing !== undefined) {
      state.execution = existing.state.execution + 1;
      state.inboxFrom = nextInboxKey(Date.now());
    }
    this.#timers.clearInstance(state.instanceId);
    const live = await this.#deps.store.create(state, existing?.etag);
    this.#mailbox.adopt(live);
    this.index.set(state);
    if (existing !== undefined) this.#sweep(state);
  }

  #sweep(state: InstanceState): void {
    const swept = this.#locks.run(`sweep ${state.instanceId}`, () => this.#deps.store.sweep(state));
    // Rows left behind are never read again and go with the next sweep or purge.
    swept.catch((error: unknown) => this.#deps.log.debug(`sweep of ${state.instanceId}: ${String(error)}`));
  }

  #wake(instanceId: string): void {
    this.#mailbox.scheduleOnce(instanceId, () => {
      void this.#locks.run(instanceId, () => this.#work(instanceId, 0));
    });
  }

  async #work(instanceId: string, failures: number): Promise<void> {
    this.#mailbox.started(instanceId);
    try {
      for (;;) {
        const live = await this.#mailbox.collect(instanceId);
        if (live === undefined || isTerminal(live.state.status) || this.#stopping) return;
        const batch = live.history.length === 0 ? { deliver: [], drop: [] } : nextBatch(live);
        if (batch === undefined || this.#waitsForVersion(live.state)) return;
        await this.#turnSlots.run(() => this.#turn(live, batch));
      }
    } catch (error) {
      this.#retryLater(instanceId, failures, error);
    }
  }

  /** A failed write may have happened all the same: what is stored decides, so the instance is read again. */
  #retryLater(instanceId: string, failures: number, error: unknown): void {
    this.#mailbox.forget(instanceId);
    const wait = Math.min(retryFirstMs * 2 ** failures, retryLongestMs);
    this.#deps.log.error(`orchestration ${instanceId}: storage failed, again in ${wait} ms: ${String(error)}`);
    setTimeout(() => {
      if (this.#stopping) return;
      this.#resume(instanceId).catch((again: unknown) => this.#retryLater(instanceId, failures + 1, again));
    }, wait).unref();
  }

  #waitsForVersion(state: InstanceState): boolean {
    return (
      this.#deps.settings.versionFailureStrategy === 'Reject' &&
      versionProblem(state.version, this.#deps.settings) !== undefined
    );
  }

  async #turn(live: LoadedInstance, batch: Batch): Promise<void> {
    const began = performance.now();
    const { state, history } = live;
    const startedAt = new Date().toISOString();
    const started = newEvent(EventType.OrchestratorStarted, startedAt);
    const delivered = history.length === 0 ? firstEvents(state, startedAt) : batch.deliver.map(({ event }) => event);
    const newEvents = [started, ...delivered];
    const outcome = await this.#invoke(state, history, newEvents);
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
    const consumed = [...batch.deliver, ...batch.drop];
    const next = nextState(state, plan);
    await this.#deps.store.commit(live, {
      next,
      events: plan.status === 'ContinuedAsNew' ? [] : plan.events,
      consumed,
    });
    live.inbox = live.inbox.filter((message) => !consumed.includes(message));
    live.history = plan.status === 'ContinuedAsNew' ? [] : [...history, ...plan.events];
    this.index.set(next);
    this.#logTurn(state, plan, performance.now() - began);
    this.#act(live, plan);
  }

  #logTurn(state: InstanceState, plan: TurnPlan, tookMs: number): void {
    const line = `orchestration ${state.name} ${state.instanceId}`;
    const took = `${Math.round(tookMs)} ms`;
    if (state.turns === 0 && plan.status === 'Running') this.#deps.log.info(`${line} started`);
    if (plan.status === 'Running')
      this.#deps.log.debug(`${line} turn ${state.turns + 1}: ${plan.events.length} events in ${took}`);
    else if (plan.status === 'Failed') this.#deps.log.warn(`${line} Failed: ${firstLine(plan.output)}`);
    else this.#deps.log.info(`${line} ${plan.status} (turn ${state.turns + 1}, ${took})`);
  }

  async #invoke(
    state: InstanceState,
    history: readonly StoredEvent[],
    newEvents: HistoryEvent[],
  ): Promise<OrchestratorOutcome> {
    const failed = (message: string): OrchestratorOutcome => ({
      kind: 'failed',
      leaves: undefined,
      customStatus: null,
      message,
    });
    const problem = versionProblem(state.version, this.#deps.settings);
    if (problem !== undefined) return failed(problem);
    const fn = this.#deps.functions.orchestrator(state.name);
    if (fn === undefined)
      return failed(unknownFunctionMessage(state.name, 'orchestrator', this.#deps.functions.orchestratorNames()));
    const trigger =
      Object.entries(fn.metadata.bindings).find(([, { type }]) => type === 'orchestrationTrigger')?.[0] ?? 'context';
    const payload = triggerPayload(state, history, newEvents);
    try {
      const { result } = await this.#deps.invoker.invoke(fn, {
        inputs: [{ name: trigger, data: { json: JSON.stringify(payload) } }],
        triggerMetadata: { instanceId: { json: JSON.stringify(state.instanceId) } },
      });
      return readOutcome(result as OrchestratorResult);
    } catch (error) {
      return readFailure(error);
    }
  }

  /** Does what a committed turn asked for. Everything here can be derived again from the stored history. */
  #act(live: LoadedInstance, plan: TurnPlan): void {
    const { state } = live;
    for (const stored of plan.events) {
      for (const id of stored.cancelledTimers ?? []) this.#timers.clear(state.instanceId, String(id));
    }
    if (plan.status === 'ContinuedAsNew') {
      this.#timers.clearInstance(state.instanceId);
      this.#sweep(state);
      return;
    }
    const cancelled = new Set(plan.events.flatMap((stored) => stored.cancelledTimers ?? []));
    const timers = !isTerminal(state.status);
    for (const stored of plan.events) {
      const isTimer = stored.event.EventType === EventType.TimerCreated;
      if (!isTimer || (timers && !cancelled.has(stored.event.EventId))) this.#undertake(live.state, stored);
    }
    if (isTerminal(state.status)) {
      this.#timers.clearInstance(state.instanceId);
      this.#mailbox.forget(state.instanceId);
      this.#reportEnd(state);
    }
  }

  #undertake(state: InstanceState, { event, input = 'null' }: StoredEvent): void {
    const { instanceId, executionId } = state;
    if (event.EventType === EventType.TaskScheduled) {
      this.#activities.enqueue({ instanceId, executionId, taskId: event.EventId, name: String(event['Name']), input });
    } else if (event.EventType === EventType.TimerCreated) {
      const fire = (): void => this.#post(instanceId, timerFired(event, executionId));
      this.#timers.set(instanceId, String(event.EventId), Date.parse(String(event['FireAt'])), fire);
    } else if (event.EventType === EventType.SubOrchestrationInstanceCreated) {
      this.#startChild(state, event, input).catch((error: unknown) => this.#retryLater(instanceId, 0, error));
    }
  }

  /** Posts what could be derived again, so nothing is stored for it. */
  #post(instanceId: string, message: InboxMessage): void {
    this.#mailbox.post(instanceId, message, false).catch((error: unknown) => this.#retryLater(instanceId, 0, error));
  }

  #reportEnd(child: InstanceState): void {
    if (child.parent !== null)
      this.#post(child.parent.OrchestrationInstance.InstanceId, childEnded(child, child.parent));
  }

  /** Starts a sub-orchestration once: found already there, it is left running, or its end is reported. */
  async #startChild(parentState: InstanceState, created: HistoryEvent, input: string): Promise<void> {
    const parent: ParentInstance = {
      Name: parentState.name,
      OrchestrationInstance: { InstanceId: parentState.instanceId, ExecutionId: parentState.executionId },
      TaskScheduleId: created.EventId,
      Version: null,
    };
    const instanceId = String(created['InstanceId']);
    const name = String(created['Name']);
    const version = typeof created['Version'] === 'string' ? created['Version'] : null;
    await this.#locks.run(instanceId, async () => {
      const existing = await this.#deps.store.readState(instanceId);
      if (existing !== undefined && isSameParent(existing.state.parent, parent)) {
        if (isTerminal(existing.state.status)) this.#reportEnd(existing.state);
        return;
      }
      if (existing !== undefined && !isTerminal(existing.state.status)) {
        const reason = `An Orchestration instance with the status ${existing.state.status} already exists.`;
        this.#post(parentState.instanceId, childFailed(parent, reason, name, new Date().toISOString()));
        return;
      }
      const executionId = randomUUID().replaceAll('-', '');
      await this.#create(
        { ...newInstance({ instanceId, name, version, input, generation: null, executionId }), parent },
        existing,
      );
    });
    this.#wake(instanceId);
  }

  async #activityFinished(work: ActivityWork, outcome: ActivityOutcome): Promise<void> {
    const message = activityFinished(work.taskId, work.executionId, outcome, new Date().toISOString());
    for (let failures = 0; ; failures += 1) {
      try {
        await this.#mailbox.post(work.instanceId, message, true);
        return;
      } catch (error) {
        const wait = Math.min(retryFirstMs * 2 ** failures, retryLongestMs);
        this.#deps.log.error(
          `result of activity ${work.name} of ${work.instanceId} not stored, again in ${wait} ms: ${String(error)}`,
        );
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  async #resume(instanceId: string): Promise<void> {
    await this.#locks.run(instanceId, async () => {
      const live = await this.#mailbox.reload(instanceId);
      if (live === undefined || isTerminal(live.state.status)) return;
      const answered = new Set(live.inbox.map(({ event }) => event['TaskScheduledId']));
      for (const [id, stored] of pendingEvents(live.history)) {
        if (!answered.has(id)) this.#undertake(live.state, stored);
      }
    });
    this.#wake(instanceId);
  }
}

/** Messages nest whole stack traces; a log line takes the beginning. */
function firstLine(output: string | undefined): string {
  const text = String(JSON.parse(output ?? '""'));
  return (text.split('\n', 1)[0] ?? '').slice(0, 300);
}

function isSameParent(one: ParentInstance | null, other: ParentInstance): boolean {
  return (
    one?.OrchestrationInstance.ExecutionId === other.OrchestrationInstance.ExecutionId &&
    one.TaskScheduleId === other.TaskScheduleId
  );
}

type Fresh = Pick<InstanceState, 'instanceId' | 'name' | 'version' | 'input' | 'generation' | 'executionId'>;

function newInstance(fresh: Fresh): InstanceState {
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
function firstEvents(state: InstanceState, startedAt: string): HistoryEvent[] {
  const first = executionStarted(state);
  return state.continued ? [first, newEvent(EventType.OrchestratorCompleted, startedAt)] : [first];
}

function nextState(state: InstanceState, plan: TurnPlan): InstanceState {
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
