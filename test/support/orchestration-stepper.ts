import { createRequire } from 'node:module';
import type { OrchestrationContext } from 'durable-functions';
import type { ActivityName, ActivityOutput, Durable } from '../../orchestrations/contracts.ts';

/**
 * Drives an orchestrator through the SDK's own replay executor, as the Durable extension does: each step hands over the whole history,
 * gets the actions back, and records them as scheduled. Time is virtual. Every step is executed twice and must ask for the same.
 */

/** One action as the SDK returns it (its ActionType numbers). */
interface Action {
  actionType: number;
  functionName?: string;
  input?: unknown;
  fireAt?: Date;
  isCanceled?: boolean;
  compoundActions?: Action[];
}

interface Executed {
  isDone: boolean;
  actions: Action[][];
  output?: unknown;
}

interface HistoryEvent {
  EventType: number;
  EventId: number;
  IsPlayed: boolean;
  Timestamp: string;
  [field: string]: unknown;
}

type Handle = (trigger: unknown, context: Record<string, unknown>) => Promise<Executed>;
type Orchestrator = (context: OrchestrationContext) => Durable<unknown>;
const { Orchestrator: SdkOrchestrator } = createRequire(import.meta.url)(
  'durable-functions/lib/src/orchestrations/Orchestrator.js',
) as { Orchestrator: new (orchestrator: Orchestrator) => { listen(): Handle } };

const event = { started: 0, taskScheduled: 4, taskCompleted: 5, taskFailed: 6, timerCreated: 10 } as const;
const turnEvent = { timerFired: 11, turnStarted: 12, turnEnded: 13, raised: 15 } as const;
const action = { continueAsNew: 4, timer: 5, waitForEvent: 6 } as const;

/** An activity that was asked for and has not answered. */
export interface OpenCall {
  id: number;
  name: string;
  input: unknown;
}

interface OpenTimer {
  id: number;
  fireAt: number;
  /** When the whole timer is over; later than fireAt for a leg of a long one. */
  finalFireAt: number;
}

/** What the extension allows one timer to last, and the legs it cuts a longer one into. */
const longestTimer = 6 * 86_400_000;
const timerLeg = 3 * 86_400_000;

export class SteppedOrchestration {
  readonly #orchestrator: Orchestrator;
  readonly #instanceId: string;
  #input: unknown;
  #history: HistoryEvent[] = [];
  /** What was scheduled, leaf by leaf, with the number it got. */
  #scheduled: { id: number; label: string }[] = [];
  #nextId = 0;
  readonly #activities = new Map<number, OpenCall>();
  readonly #timers = new Map<number, OpenTimer>();
  /** Every activity call in the order in which it was asked for. */
  readonly calls: OpenCall[] = [];
  now: Date;
  /** What the function returned, or the message of its failure. Undefined while it waits. */
  ended: { output: unknown } | { failure: string } | undefined;
  generations = 1;

  private constructor(orchestrator: Orchestrator, input: unknown, startedAt: string) {
    this.#orchestrator = orchestrator;
    this.#instanceId = 'stepped';
    this.#input = input;
    this.now = new Date(startedAt);
  }

  /** Starts the orchestrator and runs it to its first wait. */
  static async start(orchestrator: Orchestrator, input: unknown, startedAt: string): Promise<SteppedOrchestration> {
    const stepped = new SteppedOrchestration(orchestrator, input, startedAt);
    await stepped.#turn([stepped.#startedEvent()]);
    return stepped;
  }

  /** Activities that wait for an answer, oldest first. */
  open(name?: ActivityName): OpenCall[] {
    return [...this.#activities.values()].filter((call) => name === undefined || call.name === name);
  }

  /** The host calls an instance Completed only when nothing it asked for is open: a lost activity keeps it Running. */
  get isCompleted(): boolean {
    return this.ended !== undefined && this.#activities.size === 0;
  }

  /** Seconds until each open timer fires. */
  get timers(): number[] {
    return [...this.#timers.values()].map(({ finalFireAt }) => (finalFireAt - this.now.getTime()) / 1000);
  }

  /** Answers the newest open call of that name, or the given one. */
  async complete<N extends ActivityName>(name: N, output: ActivityOutput<N>, call = this.#newest(name)): Promise<void> {
    this.#activities.delete(call.id);
    await this.#turn([
      this.#event(event.taskCompleted, { TaskScheduledId: call.id, Result: JSON.stringify(output ?? null) }),
    ]);
  }

  /** Fails the newest open call with what an activity threw, wrapped as the host wraps it. */
  async fail(name: ActivityName, thrown: Error, call = this.#newest(name)): Promise<void> {
    this.#activities.delete(call.id);
    await this.#turn([this.#event(event.taskFailed, { TaskScheduledId: call.id, ...hostFailure(name, thrown) })]);
  }

  /** Lets the next timer fire; `earlySeconds` before its time, as timers may (DURABLE-FACTS 1.6). */
  async fireTimer(earlySeconds = 0): Promise<void> {
    const next = [...this.#timers.values()].sort((a, b) => a.fireAt - b.fireAt)[0];
    if (!next) throw new Error('no timer is open');
    this.#timers.delete(next.id);
    this.now = new Date(Math.max(this.now.getTime(), next.fireAt - earlySeconds * 1000));
    const leg = next.finalFireAt > this.now.getTime() && next.finalFireAt !== next.fireAt;
    await this.#turn(
      [this.#event(turnEvent.timerFired, { TimerId: next.id, FireAt: new Date(next.fireAt).toISOString() })],
      leg ? next.finalFireAt : undefined,
    );
  }

  async raise(name: string): Promise<void> {
    await this.#turn([this.#event(turnEvent.raised, { Name: name, Input: 'null' })]);
  }

  /** Moves the clock without anything happening. */
  wait(seconds: number): void {
    this.now = new Date(this.now.getTime() + seconds * 1000);
  }

  #newest(name: ActivityName): OpenCall {
    const call = this.open(name).at(-1);
    if (!call) throw new Error(`${name} is not open; open: ${this.open().map((one) => one.name)}`);
    return call;
  }

  #event(eventType: number, fields: Record<string, unknown> = {}, id = -1): HistoryEvent {
    return { EventType: eventType, ...fields, EventId: id, IsPlayed: false, Timestamp: this.now.toISOString() };
  }

  #startedEvent(): HistoryEvent {
    return this.#event(event.started, { Name: 'stepped', Version: '1.0', Input: JSON.stringify(this.#input) });
  }

  async #turn(events: HistoryEvent[], nextLegUntil?: number): Promise<void> {
    if (this.ended && 'failure' in this.ended) throw new Error(`it has failed: ${this.ended.failure}`);
    const history = [...this.#history, this.#event(turnEvent.turnStarted), ...events];
    const executed = await this.#executeTwice(history);
    // A fired leg is followed by the next at once, before the orchestrator could ask for anything.
    const legs = nextLegUntil === undefined ? [] : [this.#scheduleTimer(nextLegUntil)];
    for (const one of events) one.IsPlayed = true;
    if (executed === undefined) return;
    const created = this.#schedule(executed.actions.flat());
    this.#history = [...history, ...legs, ...created, this.#event(turnEvent.turnEnded)];
    if (!executed.isDone) return;
    const last = executed.actions.flat().at(-1);
    if (last?.actionType === action.continueAsNew) return this.#continueAsNew(last.input);
    if (this.#timers.size > 0)
      throw new Error('it returned while a timer is open: the host would keep it Running until then');
    this.ended = { output: executed.output };
  }

  async #continueAsNew(input: unknown): Promise<void> {
    this.#input = input;
    [this.#history, this.#scheduled, this.#nextId] = [[], [], 0];
    this.#activities.clear();
    this.#timers.clear();
    this.generations++;
    await this.#turn([this.#startedEvent()]);
  }

  /** @throws Error when the two executions differ, or when they no longer ask for what was scheduled before */
  async #executeTwice(history: HistoryEvent[]): Promise<Executed | undefined> {
    const [first, second] = [await this.#execute(history), await this.#execute(history)];
    if (JSON.stringify(first) !== JSON.stringify(second)) {
      throw new Error(`not deterministic: ${JSON.stringify(first)} and then ${JSON.stringify(second)}`);
    }
    if ('failure' in first) {
      this.ended = first;
      return undefined;
    }
    return first;
  }

  async #execute(history: HistoryEvent[]): Promise<Executed | { failure: string }> {
    const trigger = {
      history,
      input: this.#input,
      instanceId: this.#instanceId,
      isReplaying: this.#history.length > 0,
      parentInstanceId: null,
      upperSchemaVersion: 1,
      upperSchemaVersionNew: 3,
      longRunningTimerIntervalDuration: '3.00:00:00',
      maximumShortTimerDuration: '6.00:00:00',
      defaultHttpAsyncRequestSleepTimeMillseconds: 30000,
    };
    try {
      const copy: unknown = JSON.parse(JSON.stringify(trigger));
      return await new SdkOrchestrator(this.#orchestrator).listen()(copy, {});
    } catch (error) {
      return { failure: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Records what the orchestrator newly asks for, in the order in which the SDK numbers it. */
  #schedule(actions: Action[]): HistoryEvent[] {
    // An action that is waited for again inside another when-any is the same object: it counts once.
    const leaves = [...new Set(leafActions(actions))];
    this.#scheduled.forEach(({ label }, index) => {
      const again = labelOf(leaves[index]);
      if (again !== label) throw new Error(`replay asks for ${again} where ${label} was scheduled`);
    });
    const created = leaves.slice(this.#scheduled.length).map((leaf) => {
      this.#scheduled.push({ id: this.#nextId, label: labelOf(leaf) });
      return leaf.fireAt ? this.#scheduleTimer(leaf.fireAt.getTime()) : this.#scheduleActivity(leaf);
    });
    leaves.forEach((leaf, index) => {
      if (leaf.isCanceled === true) this.#dropTimer(this.#scheduled[index]?.id, leaf.fireAt?.getTime());
    });
    return created;
  }

  /** A cancelled long timer is known by its end: its open leg has another number than its first. */
  #dropTimer(id: number | undefined, finalFireAt: number | undefined): void {
    for (const timer of this.#timers.values()) {
      if (timer.id === id || (timer.finalFireAt === finalFireAt && finalFireAt !== timer.fireAt)) {
        this.#timers.delete(timer.id);
      }
    }
  }

  #scheduleActivity({ functionName = '', input }: Action): HistoryEvent {
    const call = { id: this.#nextId++, name: functionName, input };
    this.#activities.set(call.id, call);
    this.calls.push(call);
    return this.#event(event.taskScheduled, { Name: call.name, Version: '', Input: null }, call.id);
  }

  #scheduleTimer(finalFireAt: number): HistoryEvent {
    const now = this.now.getTime();
    const fireAt = finalFireAt - now > longestTimer ? now + timerLeg : finalFireAt;
    const timer = { id: this.#nextId++, fireAt, finalFireAt };
    this.#timers.set(timer.id, timer);
    return this.#event(event.timerCreated, { FireAt: new Date(fireAt).toISOString() }, timer.id);
  }
}

const leafActions = (actions: Action[]): Action[] =>
  actions.flatMap((one) => {
    if (one.compoundActions) return leafActions(one.compoundActions);
    return one.actionType === action.waitForEvent || one.actionType === action.continueAsNew ? [] : [one];
  });

const labelOf = (leaf: Action | undefined): string =>
  leaf?.fireAt ? `timer at ${leaf.fireAt.toISOString()}` : `${leaf?.functionName} ${JSON.stringify(leaf?.input)}`;

/** Reason and Details of TaskFailed as host 4.1037 records them: the message several times over, escaped again in the details. */
function hostFailure(name: string, { message, stack = '' }: Error): { Reason: string; Details: string } {
  const inner = {
    $type: 'Microsoft.Azure.WebJobs.Script.Workers.Rpc.RpcException, Microsoft.Azure.WebJobs.Script',
    IsUserException: false,
    RemoteStackTrace: stack,
    RemoteMessage: message,
    RemoteTypeName: null,
    Message: `Result: Failure\nException: ${message}\nStack: ${stack}`,
  };
  const details = {
    $type: 'System.Exception, System.Private.CoreLib',
    ClassName: 'System.Exception',
    Message: ` ${message}`,
    Data: null,
    InnerException: inner,
    HelpURL: null,
  };
  return { Reason: `Activity function '${name}' failed:  ${message}`, Details: JSON.stringify(details) };
}
