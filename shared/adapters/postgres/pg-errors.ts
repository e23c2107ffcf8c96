import { VaultError } from '../../domain/errors.ts';
import type { ErrorCode, ErrorFacts } from '../../domain/errors.ts';
import type { Connection } from '../../ports.ts';
import { identifier } from './quoting.ts';

/** Longest piece of a server's own message that is put into an error. */
const longestDetail = 300;

/** What an error is named after when its code alone does not say it. */
export type Purpose = 'dump' | 'restore';

export interface ErrorPlace {
  readonly connection: Connection;
  readonly database: string;
  readonly purpose: Purpose;
}

const unreachable = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EACCES',
]);
const closed = new Set([
  'ECONNRESET',
  'EPIPE',
  '57P01',
  '57P02',
  '57P03',
  '57P05',
  '57014',
  '25P03',
  '25P04',
  '40001',
  '40P01',
]);

export const serverOf = (connection: Connection): string => `${connection.host}:${String(connection.port)}`;

/** The SQLSTATE or system error code of anything thrown, '' when it has none. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  // Several addresses were tried, each failed.
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return '';
}

export const messageOf = (error: unknown): string =>
  (error instanceof AggregateError
    ? messageOf(error.errors[0])
    : error instanceof Error
      ? error.message
      : String(error)
  )
    .replaceAll(/\s+/g, ' ')
    .trim();

/** Text that may leave this process: without the password, one line, short. */
export const safeDetail = (text: string, connection: Connection): string => {
  const password = connection.password.expose();
  return (password === '' ? text : text.replaceAll(password, '[redacted]'))
    .replaceAll(/\s+/g, ' ')
    .slice(0, longestDetail);
};

/** Names an error of a session by its SQLSTATE or socket error. A VaultError and an abort pass through. */
export function namedError(error: unknown, place: ErrorPlace): unknown {
  if (error instanceof VaultError || (error instanceof Error && error.name === 'AbortError')) return error;
  const [code, facts] = nameOf(codeOf(error), messageOf(error), place);
  return new VaultError(code, facts, { cause: error });
}

function nameOf(code: string, message: string, place: ErrorPlace): [ErrorCode, ErrorFacts] {
  const server = serverOf(place.connection);
  const detail = safeDetail(message, place.connection);
  if (code === '28P01' || (code === '28000' && !message.includes('pg_hba')))
    return ['UserErrorDBUserAuthFailed', { server }];
  if (code === '28000') return ['UserErrorMissingNetworkSecurityPermissions', { server, detail }];
  if (code === '3D000') return ['UserErrorDBNotFound', { server, database: place.database }];
  if (isTlsError(code, message)) return ['UserErrorTlsVerificationFailed', { server, detail }];
  if (unreachable.has(code) || /timeout expired|connect timeout/i.test(message)) {
    return ['UserErrorMissingNetworkSecurityPermissions', { server, detail }];
  }
  if (closed.has(code) || code.startsWith('08') || /Connection terminated|not queryable/i.test(message)) {
    return ['UserErrorServerConnectionClosed', {}];
  }
  if (code.startsWith('53') || code === '55000') return ['UserErrorServerBusy', { server, detail }];
  if (code === '42501' && message.includes('for database'))
    return ['UserErrorMissingDBPermissions', connectMissing(place)];
  if (code === '42501') return ['UserErrorMissingDBPermissions', { missing: detail, grants: 'what the message names' }];
  if (code === '42P04') return ['UserErrorDatabaseNameAlreadyInUse', {}];
  return [place.purpose === 'dump' ? 'UserErrorDatabaseCannotBeDumped' : 'UserErrorRestoreFailed', { detail }];
}

function connectMissing({ connection, database }: ErrorPlace): ErrorFacts {
  const name = identifier(database);
  return {
    missing: `CONNECT on database ${name}`,
    grants: `GRANT CONNECT ON DATABASE ${name} TO ${identifier(connection.user)}`,
  };
}

function isTlsError(code: string, message: string): boolean {
  return (
    /^(ERR_(TLS|SSL|OSSL)_|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(GET|VERIFY)|HOSTNAME_MISMATCH|EPROTO)/.test(code) ||
    /does not support SSL|certificate/i.test(message)
  );
}
