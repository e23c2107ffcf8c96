import type { ErrorCode, ErrorSpec } from './error-catalogue.ts';
import { errorCatalogue } from './error-catalogue.ts';

export type { ErrorCode };

/** Facts that fill the placeholders of a message. Never a secret: they are stored, logged and shown. */
export type ErrorFacts = Readonly<Record<string, string | number>>;

/** A failure as it is stored in rows and orchestration history: short, scrubbed, complete enough to render. */
export interface ErrorRecord {
  code: ErrorCode;
  message: string;
  recommendedAction: string;
  retryable: boolean;
  /** The property or resource at fault, '' when none. */
  target: string;
}

const maximumText = 1000;

const fill = (template: string, facts: ErrorFacts): string =>
  template
    .replace(/\{\{|\}\}|\{(\w+)\}/g, (whole, name: string | undefined) =>
      whole === '{{' ? '{' : whole === '}}' ? '}' : name === undefined ? whole : String(facts[name] ?? ''),
    )
    .slice(0, maximumText);

/** The one error type that crosses module borders. `cause` stays in the process: it is logged scrubbed, never stored. */
export class VaultError extends Error {
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;
  readonly target: string;

  constructor(code: ErrorCode, facts: ErrorFacts = {}, options: { target?: string; cause?: unknown } = {}) {
    super(
      fill(errorCatalogue[code].message, facts),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = 'VaultError';
    this.code = code;
    this.facts = facts;
    this.target = options.target ?? '';
  }

  get spec(): ErrorSpec {
    return errorCatalogue[this.code];
  }

  toRecord(): ErrorRecord {
    return {
      code: this.code,
      message: this.message,
      recommendedAction: fill(this.spec.action, this.facts),
      retryable: this.spec.retryable,
      target: this.target,
    };
  }
}

/**
 * What may leave an activity or enter a row. An error that is not ours has unknown text, which may hold a secret or a path,
 * so only the correlation id survives; the caller logs the original.
 */
export function errorRecord(error: unknown, correlationId: string): ErrorRecord {
  if (error instanceof VaultError) return error.toRecord();
  return new VaultError('InternalServerError', { correlationId }).toRecord();
}
