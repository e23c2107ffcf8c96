import type { ErrorRecord } from '../shared/domain/errors.ts';
import { errorCatalogue } from '../shared/domain/error-catalogue.ts';

/**
 * How a named error crosses Durable's history. Durable stores an error's message and stack only, wraps the message in text of its
 * own, and escapes it again in the details; so the record travels as base64url behind a marker, and the stack is dropped.
 */
const marker = 'ltr-failure:';

/** The error an activity throws: readable code and text first, then the record. Carries nothing that was not scrubbed. */
export function failureError(record: ErrorRecord): Error {
  const encoded = Buffer.from(JSON.stringify(record)).toString('base64url');
  // The text may quote anything; the first marker must be ours.
  const readable = record.message.replaceAll(marker, 'ltr-failure ');
  const error = new Error(`${record.code}: ${readable} ${marker}${encoded};`);
  error.name = 'ActivityFailure';
  error.stack = error.message;
  return error;
}

/**
 * The record inside an error that an orchestrator caught. An error without one is not an activity's own: the worker died, the
 * function timed out, the host restarted (DURABLE-FACTS 4.6, 4.8). That is a lost attempt.
 */
export function failureOf(error: unknown): ErrorRecord {
  const text = error instanceof Error ? error.message : String(error);
  const encoded = /ltr-failure:([A-Za-z0-9_-]+);/.exec(text)?.[1];
  const record = encoded === undefined ? undefined : parseRecord(encoded);
  if (record) return record;
  const { message, action, retryable } = errorCatalogue.AttemptLost;
  return { code: 'AttemptLost', message, recommendedAction: action, retryable, target: '' };
}

function parseRecord(encoded: string): ErrorRecord | undefined {
  try {
    const record: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString());
    return isErrorRecord(record) ? record : undefined;
  } catch {
    // Not one of ours, so it says nothing.
    return undefined;
  }
}

const isErrorRecord = (value: unknown): value is ErrorRecord =>
  typeof value === 'object' && value !== null && 'code' in value && Object.hasOwn(errorCatalogue, String(value.code));
