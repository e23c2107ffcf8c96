import type { LogLevel } from '../config.ts';
import { VaultError } from '../domain/errors.ts';
import type { Log } from '../ports.ts';
import { Secret } from '../secret.ts';
import type { Scrubber } from './scrubber.ts';

const levels: readonly LogLevel[] = ['info', 'warn', 'error'];

/** Causes of causes that are printed. */
const deepestCause = 5;
const deepestFact = 6;
const longestText = 8_000;

/** Facts whose whole value is dropped, whatever it is. */
const secretName =
  /password|passwd|pwd$|client_?secret|secret_?value|token|authorization|connection_?string|account_?key|credential/i;

/**
 * One JSON line for each message, through the console, which the Functions host takes to Application Insights. Every text, keys included,
 * passes the scrubber; requests, responses and headers that errors of the SDKs carry are not printed at all.
 */
export function createConsoleLog(level: LogLevel, scrubber: Scrubber): Log {
  const write = (at: LogLevel, message: string, facts: Readonly<Record<string, unknown>>) => {
    if (levels.indexOf(at) < levels.indexOf(level)) return;
    const line = { time: new Date().toISOString(), level: at, message, ...facts };
    console[at](JSON.stringify(plain(line, scrubber, 0)));
  };
  return {
    info: (message, facts = {}) => write('info', message, facts),
    warn: (message, facts = {}) => write('warn', message, facts),
    error: (message, error, facts = {}) => write('error', message, { ...facts, error: describeError(error) }),
  };
}

/** What is worth printing of an error: where it is from, its own text and code, and its causes. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  const errors = error instanceof AggregateError ? error.errors.slice(0, 5) : [];
  return {
    name: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(statusCode === undefined ? {} : { statusCode }),
    ...(error instanceof VaultError ? { facts: error.facts } : {}),
    stack: error.stack,
    ...(error.cause === undefined || depth >= deepestCause ? {} : { cause: describeError(error.cause, depth + 1) }),
    ...(errors.length === 0 ? {} : { errors: errors.map((one) => describeError(one, depth + 1)) }),
  };
}

/** A copy of JSON values only, scrubbed. Cycles end at the greatest depth. */
function plain(value: unknown, scrubber: Scrubber, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return scrubber.scrub(value).slice(0, longestText);
    case 'number':
    case 'boolean':
    case 'undefined':
      return value;
    case 'object':
      break;
    default:
      return String(value);
  }
  if (value === null) return null;
  if (value instanceof Secret) return String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? String(value) : value.toISOString();
  if (depth >= deepestFact + deepestCause) return '[…]';
  if (value instanceof Error) return plain(describeError(value), scrubber, depth + 1);
  if (Array.isArray(value)) return value.map((item) => plain(item, scrubber, depth + 1));
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  const entries = Object.entries(value).map(([key, item]) => [
    scrubber.scrub(key),
    secretName.test(key) && item !== undefined ? '[redacted]' : plain(item, scrubber, depth + 1),
  ]);
  return Object.fromEntries(entries);
}
