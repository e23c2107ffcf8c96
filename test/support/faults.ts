/** Makes a store fail between any two of its operations. */

export interface StoreCall {
  store: string;
  method: string;
  args: readonly unknown[];
}

export class StoreDied extends Error {
  override readonly name = 'StoreDied';
}

/**
 * Counts the calls of the stores it wraps. At the chosen one the process dies: that call throws, with its effect or without, and so
 * does every later one, until it is revived.
 */
export class Faults {
  calls: StoreCall[] = [];
  #dieAt = Number.POSITIVE_INFINITY;
  #effect: 'lost' | 'done' = 'lost';
  #dead = false;

  /** `effect`: whether the call that fails (number `at`, from 0) had done its work; the caller cannot tell. */
  dieAt(at: number, effect: 'lost' | 'done'): void {
    [this.calls, this.#dieAt, this.#effect, this.#dead] = [[], at, effect, false];
  }

  revive(): void {
    [this.calls, this.#dieAt, this.#dead] = [[], Number.POSITIVE_INFINITY, false];
  }

  get hasDied(): boolean {
    return this.#dead;
  }

  /** The same store, each of whose methods may fail. */
  wrap<T extends object>(store: string, target: T): T {
    return new Proxy(target, {
      get: (object, property, receiver) => {
        const method: unknown = Reflect.get(object, property, receiver);
        if (typeof method !== 'function') return method;
        return (...args: unknown[]) =>
          this.#call({ store, method: String(property), args }, () => method.apply(object, args));
      },
    });
  }

  #call(call: StoreCall, run: () => unknown): unknown {
    const at = this.calls.push(call) - 1;
    if (this.#dead) throw new StoreDied('dead already');
    if (at !== this.#dieAt) return run();
    this.#dead = true;
    const died = new StoreDied(`${call.store}.${call.method}`);
    if (this.#effect === 'lost') return Promise.reject(died);
    return Promise.resolve(run()).then(() => Promise.reject(died));
  }
}

export interface Crash {
  at: number;
  effect: 'lost' | 'done';
  /** The operation at which the process died. */
  call: string;
}

/**
 * Lets the process die at every store call that `attempt` makes, each in a world of its own, then revives the stores, runs `attempt`
 * again to its end, and hands the world to `verify`.
 * @returns how many crashes there were
 */
export async function crashEverywhere<W extends { faults: Faults }>(
  make: () => Promise<W>,
  attempt: (world: W) => Promise<unknown>,
  verify: (world: W, crash: Crash) => Promise<void>,
): Promise<number> {
  for (let at = 0; ; at++) {
    for (const effect of ['lost', 'done'] as const) {
      const world = await make();
      world.faults.dieAt(at, effect);
      // Whether it threw is its own affair; that it is finished later is what counts.
      await attempt(world).catch(() => undefined);
      if (!world.faults.hasDied) return at * 2;
      const died = world.faults.calls[at];
      world.faults.revive();
      await attempt(world);
      await verify(world, { at, effect, call: `${died?.store}.${died?.method} ${String(died?.args[0])}` });
    }
  }
}
