import type { OrchestrationStarter } from '../orchestrations/starter.ts';
import type { Catalog } from '../shared/catalog/catalog.ts';
import { VaultError } from '../shared/domain/errors.ts';
import type { InstanceRef, PolicyRef, VaultRef } from '../shared/domain/ids.ts';
import { checkName } from '../shared/domain/names.ts';
import type { Clock, Log } from '../shared/ports.ts';
import type { Caller } from './auth/caller.ts';

/** One authorised request, as the handlers see it: no HTTP types, no token. */
export interface Call {
  readonly method: string;
  /** Path as the client encoded it, without the query. */
  readonly path: string;
  /** Scheme and host that clients reach this service by, without a trailing slash. */
  readonly origin: string;
  readonly apiVersion: string;
  /** A route value, looked up in any casing; '' when the route has none of that name. */
  readonly param: (name: string) => string;
  /** A query value, looked up in any casing. */
  readonly query: (name: string) => string | undefined;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  /** Parsed JSON object; undefined when the route takes none or none was sent. */
  readonly body: unknown;
  readonly caller: Caller;
  readonly correlationId: string;
  readonly now: Date;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What handlers work with; made anew for each invocation, because the durable client belongs to one. */
export interface Services {
  readonly catalog: Catalog;
  readonly starter: OrchestrationStarter;
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: ServiceIdentity;
}

/** The managed identity this service runs as, shown as the identity of every vault. */
export interface ServiceIdentity {
  readonly tenantId: string;
  /** Object id of the service principal; undefined when it cannot be told now. */
  principalId(): Promise<string | undefined>;
}

export type Handler = (call: Call, services: Services) => Promise<Answer>;

/** Longest instance name once lower-cased and escaped: what keeps every key made of it storable. */
const maximumStoredName = 200;

/** @throws VaultError UserErrorInvalidResourceName */
export function vaultRefOf(call: Pick<Call, 'param'>): VaultRef {
  return {
    subscriptionId: checkName('subscription', call.param('subscriptionId')),
    resourceGroup: checkName('resource group', call.param('resourceGroupName')),
    vaultName: checkName('vault', call.param('vaultName')),
  };
}

/** @throws VaultError UserErrorInvalidResourceName */
export const instanceRefOf = (call: Pick<Call, 'param'>): InstanceRef => ({
  ...vaultRefOf(call),
  instanceName: checkInstanceName(call.param('backupInstanceName')),
});

/** @throws VaultError UserErrorInvalidResourceName */
export function checkInstanceName(sent: string): string {
  const instanceName = checkName('backup instance', sent);
  if (instanceName.toLowerCase().replaceAll('!', '!21').length > maximumStoredName) {
    const rule = 'it is too long once written in lower case.';
    throw new VaultError('UserErrorInvalidResourceName', { kind: 'backup instance', rule });
  }
  return instanceName;
}

/** @throws VaultError UserErrorInvalidResourceName */
export function policyRefOf(call: Pick<Call, 'param'>): PolicyRef {
  return { ...vaultRefOf(call), policyName: checkName('backup policy', call.param('backupPolicyName')) };
}

export const ok = (body: unknown, headers?: Readonly<Record<string, string>>): Answer => ({
  status: 200,
  body,
  ...(headers && { headers }),
});
