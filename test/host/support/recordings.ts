import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../../..');
const folder = path.resolve(root, '..', 'shared', 'reference', 'functions-host');

/** What the real host was seen to do; kept beside the repository. */
export const recordingsFound = existsSync(path.join(folder, 'http.jsonl'));

/** Without the recordings the contract tests are skipped, unless REQUIRE_SERVERS=1 makes that a failure. */
export function requireRecordings(): boolean {
  if (!recordingsFound && process.env['REQUIRE_SERVERS'] === '1')
    throw new Error(`the recordings are missing in ${folder}`);
  if (!recordingsFound) console.warn(`Contract tests skipped: no recordings in ${folder}`);
  return recordingsFound;
}

export function readRecording(name: string): string {
  return readFileSync(path.join(folder, name), 'utf8');
}

export function readJsonLines<T>(name: string): T[] {
  return readRecording(name)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

export interface Exchange {
  name: string;
  request: { method: string; url: string; body: string | null };
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

export interface OrchestratorExecution {
  functionName: string;
  trigger: {
    history: Record<string, unknown>[];
    input: unknown;
    instanceId: string;
    parentInstanceId: string | null;
    isReplaying: boolean;
  };
  returned: { isDone: boolean; actions: unknown[][]; output?: unknown; customStatus?: unknown; schemaVersion: number };
}
