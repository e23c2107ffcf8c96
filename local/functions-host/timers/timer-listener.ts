import type { RegisteredFunction } from '../app/functions-core.ts';
import type { InvocationInput, Invoker } from '../app/invocation.ts';
import { withRetries } from '../app/retry.ts';
import type { HostLog } from '../log.ts';
import type { Schedule } from './ncrontab.ts';
import type { TimerStatus, TimerStatusStore } from './timer-status.ts';

const longestWaitMs = 2 ** 31 - 1;
/** .NET's smallest date, which the real host shows before a first run. */
const never = '0001-01-01T00:00:00+00:00';

interface Dependencies {
  fn: RegisteredFunction;
  bindingName: string;
  schedule: Schedule;
  runOnStartup: boolean;
  invoker: Invoker;
  store: TimerStatusStore;
  log: HostLog;
  clientInputs: (fn: RegisteredFunction) => InvocationInput['inputs'];
}

/** Fires one timer function: never twice at once, one past-due call after an outage, ticks missed while running are skipped. */
export class TimerListener {
  readonly #deps: Dependencies;
  #status: TimerStatus | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /** Reads the stored status; a missed tick runs at once as past due, otherwise the next one is awaited. */
  async start(): Promise<void> {
    const { fn, schedule, store, runOnStartup } = this.#deps;
    const now = new Date();
    if (schedule.monitored) {
      this.#status = await store.read(fn.metadata.name);
      if (this.#status === undefined) await this.#remember(undefined);
    }
    const missed = this.#status !== undefined && Date.parse(this.#status.next) < now.getTime();
    if (missed || runOnStartup) this.#enqueue(missed, true);
    else this.#await();
  }

  /** Runs the function now, besides its schedule, after a run in progress has ended. */
  runNow(): void {
    this.#enqueue(false, false);
  }

  /** Waits for no further tick. @returns when a run in progress has ended */
  stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    return this.#running;
  }

  #await(): void {
    if (this.#stopped) return;
    const due = this.#deps.schedule.next(new Date());
    const wait = (): void => {
      const left = due.getTime() - Date.now();
      if (left <= 0) this.#enqueue(false, true);
      else this.#timer = setTimeout(wait, Math.min(left, longestWaitMs));
    };
    wait();
  }

  #enqueue(isPastDue: boolean, scheduled: boolean): void {
    this.#running = this.#running.then(() => this.#run(isPastDue, scheduled));
  }

  async #run(isPastDue: boolean, scheduled: boolean): Promise<void> {
    if (this.#stopped) return;
    const { fn, log } = this.#deps;
    const began = performance.now();
    const at = new Date();
    const took = (): string => `${Math.round(performance.now() - began)} ms`;
    try {
      await this.#invoke(isPastDue);
      log.info(`timer ${fn.metadata.name} done in ${took()}${isPastDue ? ' (past due)' : ''}`);
    } catch (error) {
      log.error(
        `timer ${fn.metadata.name} failed after ${took()}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    if (scheduled) {
      await this.#remember(at);
      this.#await();
    }
  }

  async #invoke(isPastDue: boolean): Promise<void> {
    const { fn, bindingName, invoker, clientInputs } = this.#deps;
    const status = this.#status;
    const info = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus:
        status === undefined ? null : { Last: status.last, Next: status.next, LastUpdated: status.lastUpdated },
      IsPastDue: isPastDue,
    };
    const inputs = [{ name: bindingName, data: { json: JSON.stringify(info) } }, ...clientInputs(fn)];
    await withRetries(fn.metadata.retryOptions, (retryContext) =>
      invoker.invoke(fn, { inputs, triggerMetadata: {}, ...(retryContext === undefined ? {} : { retryContext }) }),
    );
  }

  /** Stored after the run: a host that dies during it runs the tick again as past due. Before the first run there is no last one. */
  async #remember(at: Date | undefined): Promise<void> {
    const { fn, schedule, store, log } = this.#deps;
    if (!schedule.monitored) return;
    const now = new Date();
    this.#status = {
      last: at?.toISOString() ?? never,
      next: schedule.next(now).toISOString(),
      lastUpdated: now.toISOString(),
    };
    try {
      await store.write(fn.metadata.name, this.#status);
    } catch (error) {
      log.error(`timer ${fn.metadata.name}: its status could not be stored: ${String(error)}`);
    }
  }
}
