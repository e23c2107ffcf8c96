import { VaultError } from '../../domain/errors.ts';
import type { ErrorCode, ErrorFacts } from '../../domain/errors.ts';
import type { ProcessEnd } from '../../pipeline/process-failure.ts';
import { safeDetail, serverOf } from './pg-errors.ts';
import type { ErrorPlace } from './pg-errors.ts';

type Name = [ErrorCode, ErrorFacts];
interface Facts {
  readonly server: string;
  readonly database: string;
  readonly detail: string;
  readonly lockWaitSeconds: number;
}

/**
 * What each message of pg_dump means, first match wins. Messages of the server are English for superusers only (lc_messages);
 * a text that is not known is never taken for something retryable.
 */
const rules: readonly [RegExp, (facts: Facts) => Name][] = [
  [/canceling statement due to (statement|lock) timeout[^]*LOCK TABLE/, lockNotGranted],
  [/could not obtain lock on relation/, lockNotGranted],
  [
    /server version mismatch/,
    ({ detail }) => ['UserErrorUnsupportedServerVersion', { version: detail, newest: 'older' }],
  ],
  [
    /password authentication failed|no password supplied|not permitted to log in|role "[^"]*" does not exist/,
    authFailed,
  ],
  [/pg_hba\.conf|no encryption/, notReachable],
  [
    /FATAL: {2}database "[^"]*" does not exist/,
    ({ database, server }) => ['UserErrorDBNotFound', { database, server }],
  ],
  [
    /does not support SSL|SSL error|certificate/,
    ({ server, detail }) => ['UserErrorTlsVerificationFailed', { server, detail }],
  ],
  [
    /could not translate host name|Connection refused|timeout expired|No route to host|Network is unreachable/,
    notReachable,
  ],
  [/too many (connections|clients)|remaining connection slots|out of shared memory|out of memory/, serverBusy],
  [
    /invalid snapshot identifier|terminating connection|server closed the connection|conflict with recovery|canceling statement due to user request|starting up|shutting down|connection to server was lost|could not receive data/i,
    () => ['UserErrorServerConnectionClosed', {}],
  ],
  [/could not open relation with OID|cache lookup failed/, schemaChanged],
  [/does not exist[^]*(LOCK TABLE|viewdef|last_value|Query was:)/, schemaChanged],
  [
    /permission denied|row-level security|must be (owner|superuser|member)/,
    ({ detail }) => ['UserErrorMissingDBPermissions', { missing: detail, grants: 'what the message names' }],
  ],
];

function lockNotGranted({ lockWaitSeconds, detail }: Facts): Name {
  return ['UserErrorLockNotGranted', { seconds: lockWaitSeconds, detail }];
}
function authFailed({ server }: Facts): Name {
  return ['UserErrorDBUserAuthFailed', { server }];
}
function notReachable({ server, detail }: Facts): Name {
  return ['UserErrorMissingNetworkSecurityPermissions', { server, detail }];
}
function serverBusy({ server, detail }: Facts): Name {
  return ['UserErrorServerBusy', { server, detail }];
}
function schemaChanged({ detail }: Facts): Name {
  return ['UserErrorSchemaChangedDuringBackup', { detail }];
}

/** Names the failure of a pg_dump or pg_dumpall; the message holds the server's error line, never a query, a row or a command line. */
export function dumpFailure(end: ProcessEnd, place: ErrorPlace, lockWaitSeconds: number): VaultError {
  if (end.startError !== undefined) {
    return new VaultError('UserErrorMissingClientTool', { tool: end.label }, { cause: end.startError });
  }
  if (end.signal !== null) return new VaultError('ToolEndedUnexpectedly', { tool: end.label, signal: end.signal });
  const text = end.stderr.join('\n');
  const detail = safeDetail(errorLine(end), place.connection);
  const facts = { server: serverOf(place.connection), database: place.database, detail, lockWaitSeconds };
  const rule = rules.find(([pattern]) => pattern.test(text));
  const [code, filled] = rule?.[1](facts) ?? ['UserErrorDatabaseCannotBeDumped' as const, { detail }];
  return new VaultError(code, filled);
}

/** The line that tells most: the server's own error when pg_dump quotes one below its own. */
function errorLine(end: ProcessEnd): string {
  const quoted = end.stderr.find((line) => line.includes('Error message from server:'));
  const own = end.stderr.find((line) => /: (error|fatal): /.test(line)) ?? end.stderr.at(-1);
  const line = quoted ?? own ?? `${end.label} exited with code ${String(end.exitCode)}`;
  return line.replace(/^\w+: (error|fatal|detail): /, '').replace(/^(query failed|Error message from server): /, '');
}
