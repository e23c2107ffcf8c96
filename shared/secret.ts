import { inspect } from 'node:util';

const redacted = '[redacted]';

/** A value that prints as `[redacted]` everywhere; only `expose()` gives it out, at the place of use. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  expose(): string {
    return this.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}
