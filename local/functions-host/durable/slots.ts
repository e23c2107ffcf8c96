/** A counting semaphore, first come first served. */
export class Slots {
  readonly limit: number;
  readonly #waiting: (() => void)[] = [];
  #used = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#used >= this.limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#used += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // A slot given on is never free in between, so the limit holds.
      if (next === undefined) this.#used -= 1;
      else next();
    }
  }
}

/** One piece of work at a time per key. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const previous = this.#tails.get(key) ?? Promise.resolve();
    const mine = previous.then(work, work);
    // The tail only orders; whoever awaits `mine` gets its error.
    const tail = mine.catch(() => undefined);
    this.#tails.set(key, tail);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
