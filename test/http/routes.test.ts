import { describe, expect, it, vi } from 'vitest';
import { roles } from '../../functions/auth/caller.ts';
import type { Role } from '../../functions/auth/caller.ts';
import { routes, unmatched } from '../../functions/routes.ts';
import { fitsTemplate } from '../../functions/route.ts';
import type { Route } from '../../functions/route.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import { instancePath, policyPath, subscriptionId, vaultBody, vaultPath, vaultRef } from './bodies.ts';
import { codeOf, useHarness } from './harness.ts';
import type { Json } from './harness.ts';

const values: Readonly<Record<string, string>> = {
  subscriptionId,
  resourceGroupName: 'clitest-rg',
  vaultName: 'clitest-vault',
  backupPolicyName: 'osspolicy',
  backupInstanceName: 'oss-server-postgres-1',
  location: 'westeurope',
};

const pathOf = ({ template }: Route): string =>
  `/${template.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? 'x')}`;

const lowerRole = (role: Role): Role | undefined => roles[roles.indexOf(role) - 1];

describe('the table of routes', () => {
  const harness = useHarness();
  const auditLog = async (): Promise<Json[]> =>
    (await harness.send('GET', `${vaultPath}/auditLog`)).body['value'] as Json[];

  it.each(routes)('$name refuses a request without a token', async (route) => {
    const reply = await harness.send(route.method, pathOf(route), { token: null, body: {} });
    expect([reply.status, codeOf(reply)]).toEqual([401, 'AuthenticationFailed']);
    expect(reply.headers['www-authenticate']).toMatch(/^Bearer authorization_uri="http:\/\/127\.0\.0\.1:\d+"$/);
  });

  it.each(routes)('$name refuses a caller without any role', async (route) => {
    const token = await harness.issuer.token({ roles: ['Other.Role'] });
    const reply = await harness.send(route.method, pathOf(route), { token, body: {} });
    expect([reply.status, codeOf(reply)]).toEqual([403, 'AuthorizationFailed']);
  });

  it.each(routes.filter(({ role }) => lowerRole(role)))('$name refuses the role below $role', async (route) => {
    const reply = await harness.send(route.method, pathOf(route), {
      role: lowerRole(route.role) ?? 'Backup.Reader',
      body: {},
    });
    expect([reply.status, codeOf(reply)]).toEqual([403, 'AuthorizationFailed']);
  });

  it.each(routes)('$name lets its role and every higher one pass', async (route) => {
    for (const role of roles.slice(roles.indexOf(route.role))) {
      const reply = await harness.send(route.method, pathOf(route), { role, body: {} });
      expect(reply.status).not.toBe(401);
      expect(reply.status).not.toBe(403);
    }
  });

  it.each(routes)('$name needs an api-version', async (route) => {
    const reply = await harness.send(route.method, pathOf(route), { apiVersion: false, body: {} });
    expect([reply.status, codeOf(reply)]).toEqual([400, 'MissingApiVersionParameter']);
  });

  it.each(routes.filter(({ mutation }) => mutation))(
    '$name leaves an audit entry, whether refused or not',
    async (route) => {
      const before = (await harness.catalog.audit.list(vaultRef, { pageSize: 1000 })).items.length;
      const refused = await harness.send(route.method, pathOf(route), { role: 'Backup.Reader', body: {} });
      const allowed = await harness.send(route.method, pathOf(route), { body: {} });
      const entries = (await harness.catalog.audit.list(vaultRef, { pageSize: 1000 })).items;
      expect(entries.length - before).toBe(2);
      const added = entries.filter(
        ({ operation, resource }) => operation === route.operation && resource === pathOf(route),
      );
      expect(added.map(({ status }) => status)).toEqual(expect.arrayContaining([refused.status, allowed.status]));
      expect(added[0]).toMatchObject({ caller: 'dba@example.org', callerId: 'a5c0f3aa-0000-4000-8000-00000000000a' });
    },
  );

  it('has no audit entry of a caller that is not known', async () => {
    const before = (await harness.catalog.audit.list(vaultRef, { pageSize: 1000 })).items.length;
    await harness.send('PUT', policyPath, { token: null, body: {} });
    expect((await harness.catalog.audit.list(vaultRef, { pageSize: 1000 })).items.length).toBe(before);
  });

  it('shows the audit log, newest first, and keeps both entries of one moment and correlation id', async () => {
    const headers = { 'x-ms-correlation-request-id': 'one-run-of-terraform' };
    await Promise.all([1, 2].map(() => harness.send('DELETE', instancePath, { headers })));
    const own = (await auditLog()).filter(
      ({ properties }) => (properties as Json)['correlationId'] === 'one-run-of-terraform',
    );
    expect(own).toHaveLength(2);
  });

  it('makes no change that it cannot record', async () => {
    const begin = vi
      .spyOn(harness.catalog.audit, 'begin')
      .mockRejectedValueOnce(new VaultError('UserErrorVaultStoreNotAccessible', { detail: 'down' }));
    const path = `${vaultPath}-unrecorded`;
    expect(codeOf(await harness.send('PUT', path, { body: vaultBody() }))).toBe('UserErrorVaultStoreNotAccessible');
    expect((await harness.send('GET', path)).status).toBe(404);
    begin.mockRestore();
    expect((await harness.send('PUT', path, { body: vaultBody() })).status).toBe(200);
  });

  it('reads are no mutations, and everything else is, but for questions', () => {
    const unexpected = routes.filter(({ method, mutation }) => mutation !== (method !== 'GET'));
    expect(unexpected.map(({ name }) => name)).toEqual(['restores-ranges', 'provider-name', 'provider-features']);
  });

  it('has one function for each path and method, and no path that fits two templates', () => {
    expect(new Set(routes.map(({ name }) => name)).size).toBe(routes.length);
    for (const route of routes) {
      const fitting = routes.filter(
        (other) => other.method === route.method && fitsTemplate(other.template, pathOf(route)),
      );
      expect(fitting).toEqual([route]);
    }
  });

  it('has a catch-all whose name sorts after every other', () => {
    const names = [...routes.map(({ name }) => name), 'root', 'start-due-backups', 'watch-runs', unmatched.name];
    expect(names.toSorted().at(-1)).toBe(unmatched.name);
  });
});

describe('paths outside the table', () => {
  const harness = useHarness();

  it('answer the ARM envelope, after the token was checked', async () => {
    const path = '/subscriptions/x/providers/Microsoft.Compute/virtualMachines';
    const refused = await harness.send('GET', path, { token: null });
    expect(codeOf(refused)).toBe('AuthenticationFailed');
    const unknown = await harness.send('GET', path, { apiVersion: false });
    expect([unknown.status, codeOf(unknown)]).toEqual([404, 'ResourceNotFound']);
  });

  it('answer 405 with the methods where the path is known under others', async () => {
    const reply = await harness.send('POST', vaultPath, { body: {} });
    expect([reply.status, codeOf(reply)]).toEqual([405, 'MethodNotAllowed']);
    expect(reply.headers['allow']).toBe('PUT, PATCH, DELETE, GET');
  });

  it('list the operations of the provider, each once', async () => {
    const reply = await harness.send('GET', '/providers/Microsoft.DataProtection/operations', {
      role: 'Backup.Reader',
    });
    const names = (reply.body['value'] as Json[]).map((item) => item['name']);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('Microsoft.DataProtection/backupVaults/backupInstances/backup/action');
  });
});
