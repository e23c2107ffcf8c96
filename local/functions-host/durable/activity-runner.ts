import { setTimeout as delay } from 'node:timers/promises';
import type { Invoker } from '../app/invocation.ts';
import type { TypedData } from '../app/core-types.ts';
import type { RegisteredFunction } from '../app/functions-core.ts';
import type { HostLog } from '../log.ts';
import { LeaseLostError } from '../storage/host-storage.ts';
import type { HubHold } from '../storage/hub-lock.ts';
import type { FunctionTable } from './function-table.ts';
import { retryWaitMs } from './backoff.ts';
import { activityFailure, unknownFunctionMessage, type TaskFailure } from './failure.ts';
import { Slots } from './slots.ts';

export interface ActivityWork {
  instanceId: string;
  executionId: string;
  taskId: number;
  name: string;
  /** JSON text. */
  input: string;
}

export type ActivityOutcome = { result: string } | { failure: TaskFailure };

interface Dependencies {
  functions: FunctionTable;
  invoker: Invoker;
  log: HostLog;
  limit: number;
  clientInputs: (fn: RegisteredFunction) => { name: string; data: TypedData }[];
  hub: Pick<HubHold, 'assertHeld'>;
  /** Resolves once the outcome is stored. */
  finished: (work: ActivityWork, outcome: ActivityOutcome) => Promise<void>;
}

/** Runs activities within the host's limit, each at most once at a time. */
export class ActivityRunner {
  readonly #deps: Dependencies;
  readonly #slots: Slots;
  readonly #known = new Map<string, Promise<void>>();
  #running = 0;
  #stopping = false;

  constructor(deps: Dependencies) {
    this.#deps = deps;
    this.#slots = new Slots(deps.limit);
  }

  /** Queues an activity; one that is queued or running already is left alone. */
  enqueue(work: ActivityWork): void {
    const key = `${work.instanceId}|${work.executionId}|${work.taskId}`;
    if (this.#known.has(key)) return;
    const done = this.#slots.run(() => this.#run(work)).finally(() => this.#known.delete(key));
    this.#known.set(key, done);
  }

  get running(): number {
    return this.#running;
  }

  /** Starts nothing more. @returns when the running activities have ended and are stored */
  async drain(): Promise<void> {
    this.#stopping = true;
    await Promise.allSettled(this.#known.values());
  }

  async #run(work: ActivityWork): Promise<void> {
    // Stored as scheduled, it runs at the next start.
    if (this.#stopping) return;
    if (!(await this.#holdsHub())) return;
    this.#running += 1;
    try {
      const started = performance.now();
      const outcome = await this.#invoke(work);
      const took = `${Math.round(performance.now() - started)} ms`;
      const line = `activity ${work.name} #${work.taskId} of ${work.instanceId}`;
      if ('failure' in outcome)
        this.#deps.log.warn(`${line} failed after ${took}: ${outcome.failure.Reason.slice(0, 300)}`);
      else this.#deps.log.info(`${line} done in ${took}`);
      await this.#report(work, outcome);
    } finally {
      this.#running -= 1;
    }
  }

  /** A process that slept past its lease must not start what another host runs. A storage that is away is no reason to hold back. */
  async #holdsHub(): Promise<boolean> {
    try {
      await this.#deps.hub.assertHeld();
      return true;
    } catch (error) {
      return !(error instanceof LeaseLostError);
    }
  }

  /** The result of hours of work is kept until it is stored. */
  async #report(work: ActivityWork, outcome: ActivityOutcome): Promise<void> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await this.#deps.finished(work, outcome);
      } catch (error) {
        const what = `result of activity ${work.name} of ${work.instanceId}`;
        this.#deps.log.error(`${what} not stored, again in ${retryWaitMs(failures)} ms: ${String(error)}`);
        await delay(retryWaitMs(failures));
      }
    }
  }

  async #invoke(work: ActivityWork): Promise<ActivityOutcome> {
    const fn = this.#deps.functions.activity(work.name);
    if (fn === undefined) {
      return {
        failure: activityFailure(
          work.name,
          unknownFunctionMessage(work.name, 'activity', this.#deps.functions.activityNames()),
        ),
      };
    }
    const trigger =
      Object.entries(fn.metadata.bindings).find(([, { type }]) => type === 'activityTrigger')?.[0] ?? 'data';
    const data: TypedData = { json: work.input };
    try {
      const { response } = await this.#deps.invoker.invoke(fn, {
        inputs: [{ name: trigger, data }, ...this.#deps.clientInputs(fn)],
        triggerMetadata: { instanceId: { json: JSON.stringify(work.instanceId) }, [trigger]: data, data },
      });
      return { result: jsonText(response.returnValue) };
    } catch (error) {
      return { failure: activityFailure(work.name, error) };
    }
  }
}

/** What the extension serializes of a worker's return value. */
function jsonText(value: TypedData | null | undefined): string {
  if (value?.json !== undefined) return value.json;
  if (value?.bytes !== undefined) return JSON.stringify(Buffer.from(value.bytes).toString('base64'));
  return JSON.stringify(value?.string ?? value?.int ?? value?.double ?? null);
}
