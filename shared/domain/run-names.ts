import { sha256Hex } from './sha256.ts';

/**
 * Ids of orchestrations and long-running operations. Orchestration ids use `[A-Za-z0-9_.:=-]`, at most 100 characters: clients do not
 * encode them. An orchestration whose id ended may be started again under it, so an id guards nothing by itself.
 */

const orchestrationId = (kind: string, subject: string): string => {
  const id = `${kind}:${subject}`;
  if (/^[A-Za-z0-9_.:=-]{1,100}$/.test(id)) return id;
  return `${kind}:${sha256Hex(subject)}`;
};

export const backupRunId = (jobId: string): string => orchestrationId('backup', jobId);

export const restoreRunId = (jobId: string): string => orchestrationId('restore', jobId);

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface OperationParts {
  /** GUID of the operation itself. */
  operation: string;
  /** GUID of what it works on: the job of a backup or restore, else another random one. */
  subject: string;
}

/**
 * Id of a long-running operation as the service writes it: base64 of `guid;guid`, 100 characters that end in `==`. Never contains
 * `+` or `/`. Throws RangeError when a part is no GUID.
 */
export function encodeOperationId(parts: OperationParts): string {
  const [operation, subject] = [parts.operation.toLowerCase(), parts.subject.toLowerCase()];
  if (!guid.test(operation) || !guid.test(subject)) throw new RangeError('an operation id is made of two GUIDs');
  return btoa(`${operation};${subject}`);
}

/** Undefined when the text is no operation id. Missing padding is forgiven: some clients cut it, some send it as `%3D`. */
export function decodeOperationId(id: string): OperationParts | undefined {
  const bare = id.replace(/(?:%3D|=){0,2}$/i, '');
  if (!/^[A-Za-z0-9]{98}$/.test(bare)) return undefined;
  const [operation, subject] = atob(`${bare}==`).split(';');
  if (!operation || !subject || !guid.test(operation) || !guid.test(subject)) return undefined;
  return { operation, subject };
}

/** The spelling under which an operation is stored; undefined when the text is no operation id. */
export function canonicalOperationId(id: string): string | undefined {
  const parts = decodeOperationId(id);
  return parts && encodeOperationId(parts);
}

/** Orchestration that carries out an operation of its own (validation, configuration, deletion); throws RangeError on a bad id. */
export function operationRunId(operationId: string): string {
  const parts = decodeOperationId(operationId);
  if (!parts) throw new RangeError('not an operation id');
  return orchestrationId('operation', parts.operation);
}

/** Attempts of a run are `a1`, `a2`, …; one that was fenced off keeps its number. 0 for what is no attempt id. */
export const attemptNumber = (attemptId: string): number => Number(/^a(\d+)/.exec(attemptId)?.[1] ?? 0);
