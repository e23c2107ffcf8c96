import type { JWTPayload } from 'jose';
import { VaultError } from '../../shared/domain/errors.ts';

/** Roles, lowest first: each holds everything the ones before it hold (FEATURES 9.4). */
export const roles = ['Backup.Reader', 'Backup.Operator', 'Backup.Contributor'] as const;

export type Role = (typeof roles)[number];

/** Who sends the request, as the checked token says. */
export interface Caller {
  /** Directory object id (`oid`), else the subject. */
  readonly id: string;
  /** User name, or `app <client id>` for an application. */
  readonly name: string;
  readonly type: 'User' | 'Application';
  readonly roles: readonly Role[];
}

/** @throws VaultError AuthenticationFailed when the token names nobody */
export function callerOf(claims: JWTPayload): Caller {
  const id = textOf(claims['oid']) ?? textOf(claims.sub);
  if (id === undefined) throw new VaultError('AuthenticationFailed', { detail: 'the token names no subject.' });
  const user = ['preferred_username', 'upn', 'unique_name', 'email']
    .map((claim) => textOf(claims[claim]))
    .find(Boolean);
  const app = ['appid', 'azp', 'client_id'].map((claim) => textOf(claims[claim])).find(Boolean);
  const isUser = claims['idtyp'] !== 'app' && user !== undefined;
  const name = isUser ? user : `app ${app ?? id}`;
  return { id, name, type: isUser ? 'User' : 'Application', roles: rolesOf(claims['roles']) };
}

/** @throws VaultError AuthorizationFailed */
export function requireRole(caller: Caller, role: Role, operation: string): void {
  const rank = Math.max(-1, ...caller.roles.map((held) => roles.indexOf(held)));
  if (rank >= roles.indexOf(role)) return;
  throw new VaultError('AuthorizationFailed', { caller: caller.name, role, operation });
}

/** The roles of ours among those of the token; a claim of one role may be a plain string. */
const rolesOf = (claim: unknown): Role[] => {
  const held: unknown[] = Array.isArray(claim) ? claim : [claim];
  return roles.filter((role) => held.includes(role));
};

/** Short and printable: it goes into rows, headers and messages. */
function textOf(claim: unknown): string | undefined {
  if (typeof claim !== 'string') return undefined;
  const text = claim.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '').slice(0, 200);
  return text === '' ? undefined : text;
}
