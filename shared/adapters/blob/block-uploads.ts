/** Uploads in flight and the memory they hold: never more than `budget` bytes, or one block when a block alone is larger. */
export class BlockUploads {
  readonly #budget: number;
  readonly #inFlight = new Set<Promise<void>>();
  #bytes = 0;
  #free: Buffer[] = [];

  constructor(budget: number) {
    this.#budget = budget;
  }

  /** A buffer to fill, once there is room for it; this wait is what holds the source back. */
  async buffer(size: number): Promise<Buffer> {
    while (this.#inFlight.size > 0 && this.#bytes + size > this.#budget) await Promise.race(this.#inFlight);
    // Buffers are used again rather than left to the collector, which does not see how much memory they hold.
    this.#free = this.#free.filter((buffer) => buffer.length === size);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(size);
  }

  /** Starts an upload that owns the buffer until it ends. `upload` must not reject: nobody would hear it. */
  start(buffer: Buffer, upload: () => Promise<void>): void {
    this.#bytes += buffer.length;
    const running: Promise<void> = upload().finally(() => {
      this.#inFlight.delete(running);
      this.#bytes -= buffer.length;
      this.#free.push(buffer);
    });
    this.#inFlight.add(running);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#inFlight);
  }
}
