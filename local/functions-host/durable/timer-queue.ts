/** setTimeout takes 31 bits of milliseconds; longer waits are cut into pieces. */
const longestWaitMs = 2 ** 31 - 1;

/** Durable timers waiting in this process. They are derived from histories, so losing them with the process loses nothing. */
export class TimerQueue {
  readonly #timers = new Map<string, Map<string, NodeJS.Timeout>>();

  /** Calls `fire` once the clock has reached `fireAt` (never early). A timer set twice is one timer. */
  set(instanceId: string, key: string, fireAt: number, fire: () => void): void {
    this.clear(instanceId, key);
    const wait = Math.min(Math.max(fireAt - Date.now(), 0), longestWaitMs);
    const timer = setTimeout(() => {
      // Node may run a timeout up to a millisecond early.
      if (Date.now() < fireAt) return this.set(instanceId, key, fireAt, fire);
      this.#forget(instanceId, key);
      fire();
    }, wait);
    const own = this.#timers.get(instanceId) ?? new Map<string, NodeJS.Timeout>();
    this.#timers.set(instanceId, own.set(key, timer));
  }

  clear(instanceId: string, key: string): void {
    clearTimeout(this.#timers.get(instanceId)?.get(key));
    this.#forget(instanceId, key);
  }

  clearInstance(instanceId: string): void {
    for (const timer of this.#timers.get(instanceId)?.values() ?? []) clearTimeout(timer);
    this.#timers.delete(instanceId);
  }

  clearAll(): void {
    for (const instanceId of [...this.#timers.keys()]) this.clearInstance(instanceId);
  }

  #forget(instanceId: string, key: string): void {
    const own = this.#timers.get(instanceId);
    own?.delete(key);
    if (own?.size === 0) this.#timers.delete(instanceId);
  }
}
