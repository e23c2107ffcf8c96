import { randomUUID } from 'node:crypto';
import type { TypedData } from '../app/core-types.ts';
import type { RegisteredFunction } from '../app/functions-core.ts';
import type { Invoker } from '../app/invocation.ts';
import type { HostSettings } from '../host-json.ts';
import type { HostLog } from '../log.ts';
import type { HubHold } from '../storage/hub-lock.ts';
import type { InstanceStore } from '../storage/instance-store.ts';
import { nextInboxKey } from '../storage/row-keys.ts';
import { ActivityRunner } from './activity-runner.ts';
import { retryWaitMs } from './backoff.ts';
import { nextBatch } from './batch.ts';
import { Children } from './children.ts';
import type { FunctionTable } from './function-table.ts';
import { EventType, pendingEvents, type StoredEvent } from './history.ts';
import { InstanceIndex } from './instance-index.ts';
import { isTerminal, type InboxMessage, type InstanceState, type LoadedInstance } from './instance.ts';
import { Mailbox } from './mailbox.ts';
import { activityFinished, timerFired } from './messages.ts';
import { KeyedLock, Slots } from './slots.ts';
import { OwedWork } from './owed-work.ts';
import { newInstance } from './states.ts';
import { TimerQueue } from './timer-queue.ts';
import type { TurnPlan } from './turn-plan.ts';
import { TurnRunner } from './turn-runner.ts';
import { versionProblem } from './versions.ts';

export interface EngineDependencies {
  store: InstanceStore;
  functions: FunctionTable;
  invoker: Invoker;
  settings: HostSettings;
  log: HostLog;
  clientInputs: (fn: RegisteredFunction) => { name: string; data: TypedData }[];
  hub: Pick<HubHold, 'assertHeld'>;
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

const loadingAtOnce = 16;

/**
 * Runs orchestrations: one turn at a time per instance, each turn committed before anything it asks for is done. What waits in memory (timers, queued
 * activities, children to start, ended children to report) is derived from stored histories, at start and after a failed write.
 */
export class DurableEngine {
  /** Every instance of the hub. */
  readonly index = new InstanceIndex();
  readonly #deps: EngineDependencies;
  readonly #locks = new KeyedLock();
  readonly #turnSlots: Slots;
  readonly #turns: TurnRunner;
  readonly #timers = new TimerQueue();
  readonly #mailbox: Mailbox;
  readonly #activities: ActivityRunner;
  readonly #children: Children;
  readonly #owed: OwedWork;
  #stopping = false;

  constructor(deps: EngineDependencies) {
    this.#deps = deps;
    const { store, functions, invoker, settings, log, clientInputs } = deps;
    this.#turnSlots = new Slots(settings.maxConcurrentOrchestratorFunctions);
    this.#turns = new TurnRunner(deps);
    this.#mailbox = new Mailbox(store, (instanceId) => this.#wake(instanceId));
    this.#activities = new ActivityRunner({
      functions,
      invoker,
      log,
      limit: settings.maxConcurrentActivityFunctions,
      clientInputs,
      hub: deps.hub,
      finished: async ({ instanceId, executionId, taskId }, outcome) => {
        const message = activityFinished(taskId, executionId, outcome, new Date().toISOString());
        await this.#mailbox.post(instanceId, message, true);
        await this.#owed.settle(instanceId, executionId, taskId);
      },
    });
    this.#owed = new OwedWork({
      store,
      locks: this.#locks,
      index: this.index,
      forget: (instanceId) => this.#mailbox.forget(instanceId),
    });
    this.#children = new Children({
      store,
      locks: this.#locks,
      create: (state, existing) => this.#create(state, existing),
      wake: (instanceId) => this.#wake(instanceId),
      tell: (parentId, message) => this.#tell(parentId, message),
    });
  }

  get runningActivities(): number {
    return this.#activities.running;
  }

  /** Takes up what the last host left: activities that were running start again, due timers fire, children and parents are reconciled. */
  async start(): Promise<void> {
    const summaries = await this.#deps.store.summaries();
    for (const summary of summaries) this.index.set(summary);
    const open = summaries.filter(({ status, owes }) => !isTerminal(status) || owes);
    if (open.length > 0) this.#deps.log.info(`Resuming ${open.length} orchestration(s)`);
    const loading = new Slots(loadingAtOnce);
    await Promise.all(open.map(({ instanceId }) => loading.run(() => this.#resume(instanceId))));
  }

  /** Starts no more turns or activities. @returns when the running activities have ended and are stored */
  async drain(): Promise<void> {
    this.#stopping = true;
    this.#timers.clearAll();
    await this.#activities.drain();
  }

  async startInstance(request: StartRequest): Promise<StartAnswer> {
    const { name, input } = request;
    const instanceId = request.instanceId ?? randomUUID().replaceAll('-', '');
    const version = request.version ?? this.#deps.settings.defaultVersion;
    const replaceRunning = this.#deps.settings.overridableExistingInstanceStates === 'AnyState';
    const answer = await this.#locks.run(instanceId, async (): Promise<StartAnswer> => {
      const existing = await this.#deps.store.readState(instanceId);
      if (existing !== undefined && !isTerminal(existing.state.status) && !replaceRunning) {
        // Perhaps the answer to its start was lost, and only the table knows it yet.
        this.index.set(existing.state);
        return { started: false, status: existing.state.status };
      }
      const executionId = randomUUID();
      await this.#create(newInstance({ instanceId, name, version, input, generation: 0, executionId }), existing);
      return { started: true, instanceId };
    });
    if (answer.started) this.#wake(instanceId);
    return answer;
  }

  /** Stores a message for an instance that has not ended. */
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
    if (withHistory) return this.#deps.store.load(instanceId);
    const found = await this.#deps.store.readState(instanceId);
    return found === undefined ? undefined : { state: found.state, history: [] };
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

  /** Called under the instance's lock. */
  async #create(state: InstanceState, existing: { state: InstanceState; etag: string } | undefined): Promise<void> {
    if (existing !== undefined) {
      state.execution = existing.state.execution + 1;
      state.inboxFrom = nextInboxKey(Date.now());
    }
    this.#timers.clearInstance(state.instanceId);
    try {
      this.#mailbox.adopt(await this.#deps.store.create(state, existing?.etag));
    } catch (error) {
      // It may have been stored all the same, and must not wait for the next start of the host then.
      this.#retryLater(state.instanceId, 0, error);
      throw error;
    }
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
      void this.#locks.run(instanceId, () => this.#work(instanceId));
    });
  }

  /** Turns until nothing is left to do. Called under the instance's lock. */
  async #work(instanceId: string): Promise<void> {
    this.#mailbox.started(instanceId);
    try {
      for (;;) {
        const live = await this.#mailbox.collect(instanceId);
        if (live === undefined || isTerminal(live.state.status) || this.#stopping) return;
        const batch = live.history.length === 0 ? { deliver: [], drop: [] } : nextBatch(live);
        if (batch === undefined || this.#waitsForVersion(live.state)) return;
        // A process that slept past its lease must not go on.
        await this.#deps.hub.assertHeld();
        const plan = await this.#turnSlots.run(() => this.#turns.run(live, batch));
        this.index.set(live.state);
        this.#act(live, plan);
      }
    } catch (error) {
      this.#retryLater(instanceId, 0, error);
    }
  }

  #waitsForVersion(state: InstanceState): boolean {
    const { settings } = this.#deps;
    return settings.versionFailureStrategy === 'Reject' && versionProblem(state.version, settings) !== undefined;
  }

  /** A failed write may have happened all the same: what is stored decides, so the instance is read again. */
  #retryLater(instanceId: string, failures: number, error: unknown): void {
    this.#mailbox.forget(instanceId);
    const wait = retryWaitMs(failures);
    this.#deps.log.error(`orchestration ${instanceId}: storage failed, again in ${wait} ms: ${String(error)}`);
    setTimeout(() => {
      if (this.#stopping) return;
      this.#resume(instanceId).catch((again: unknown) => this.#retryLater(instanceId, failures + 1, again));
    }, wait).unref();
  }

  /** Reads an instance from storage and takes up whatever it waits for. */
  async #resume(instanceId: string): Promise<void> {
    await this.#locks.run(instanceId, async () => {
      const live = await this.#mailbox.reload(instanceId);
      if (live === undefined) return;
      this.index.set(live.state);
      // Its last turn may have been committed by a write that seemed to fail, and nobody told the parent.
      if (isTerminal(live.state.status)) {
        this.#undertakeOwed(live);
        return this.#children.reportEnd(live.state);
      }
      const answered = new Set(live.inbox.map(({ event }) => event['TaskScheduledId']));
      for (const [id, stored] of pendingEvents(live.history)) {
        if (!answered.has(id)) this.#undertake(live.state, stored);
      }
    });
    this.#wake(instanceId);
  }

  /** What an ended instance asked for and did not wait for is done all the same. */
  #undertakeOwed({ state, history }: LoadedInstance): void {
    for (const [id, stored] of pendingEvents(history)) {
      if (state.owes?.includes(id)) this.#undertake(state, stored);
    }
  }

  /** Does what a committed turn asked for. Everything here can be derived again from the stored history. */
  #act({ state }: LoadedInstance, plan: TurnPlan): void {
    if (plan.status === 'ContinuedAsNew') {
      this.#timers.clearInstance(state.instanceId);
      this.#sweep(state);
      return;
    }
    for (const stored of plan.events) this.#undertake(state, stored);
    for (const id of plan.events.flatMap(({ cancelledTimers = [] }) => cancelledTimers)) {
      this.#timers.clear(state.instanceId, String(id));
    }
    if (isTerminal(state.status)) {
      this.#timers.clearInstance(state.instanceId);
      this.#mailbox.forget(state.instanceId);
      this.#children.reportEnd(state);
    }
  }

  #undertake(state: InstanceState, { event, input = 'null' }: StoredEvent): void {
    const { instanceId, executionId } = state;
    switch (event.EventType) {
      case EventType.TaskScheduled: {
        const name = String(event['Name']);
        this.#activities.enqueue({ instanceId, executionId, taskId: event.EventId, name, input });
        return;
      }
      case EventType.TimerCreated: {
        const fire = (): void => this.#tell(instanceId, timerFired(event, executionId));
        this.#timers.set(instanceId, String(event.EventId), Date.parse(String(event['FireAt'])), fire);
        return;
      }
      case EventType.SubOrchestrationInstanceCreated:
        this.#children
          .start(state, event, input)
          .then(() => this.#owed.settle(instanceId, executionId, event.EventId))
          .catch((error: unknown) => this.#retryLater(instanceId, 0, error));
    }
  }

  /** Hands an instance what could be derived again, so nothing is stored for it. */
  #tell(instanceId: string, message: InboxMessage): void {
    const posted = this.#mailbox.post(instanceId, message, false);
    posted.catch((error: unknown) => this.#retryLater(instanceId, 0, error));
  }
}
