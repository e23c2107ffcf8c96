import { createHash } from 'node:crypto';
import type { BackupRun, RestoreRun } from '../../orchestrations/contracts.ts';
import { newJobId, newPointId } from '../../orchestrations/run-ids.ts';
import type { InstanceRef } from '../../shared/domain/ids.ts';
import type { BackupPolicy } from '../../shared/domain/policy.ts';
import type { BackupInstance, VaultSettings } from '../../shared/domain/records.ts';
import { defaultVaultSettings } from '../../shared/domain/records.ts';
import { MemoryWorld } from './memory-world.ts';

/** What the vault of a memory world holds, and the runs that are made in it. */

const vaultRef = { subscriptionId: '11111111-1111-1111-1111-111111111111', resourceGroup: 'rg', vaultName: 'vault' };

/** Every Monday and Thursday at 02:00 UTC; yearly before monthly before weekly before the default. */
export const weeklyPolicy: BackupPolicy = {
  backupRuleName: 'BackupWeekly',
  schedule: {
    intervals: [{ start: '2025-12-01T02:00:00.000Z' }, { start: '2025-12-04T02:00:00.000Z' }],
    timeZone: 'UTC',
  },
  tagging: [
    { tag: 'Yearly', priority: 10, isDefault: false, criteria: [{ absolute: ['FirstOfYear'] }] },
    { tag: 'Monthly', priority: 15, isDefault: false, criteria: [{ absolute: ['FirstOfMonth'] }] },
    { tag: 'Weekly', priority: 20, isDefault: false, criteria: [{ absolute: ['FirstOfWeek'] }] },
    { tag: 'Default', priority: 99, isDefault: true, criteria: [] },
  ],
  retention: [],
};

export const refOf = (instanceName = 'shop'): InstanceRef => ({ ...vaultRef, instanceName });

/** A vault with the weekly policy; settings given differ from the defaults. */
export async function addVault(world: MemoryWorld, settings: Partial<VaultSettings> = {}): Promise<void> {
  const at = world.now.toISOString();
  await world.catalog.vaults.update(vaultRef, () => ({
    ...vaultRef,
    location: 'westeurope',
    tags: {},
    identityType: 'SystemAssigned',
    storageSettings: [],
    settings: { ...defaultVaultSettings, ...settings },
    container: 'container',
    createdAt: at,
    createdBy: 'test',
    updatedAt: at,
  }));
  await setPolicy(world, weeklyPolicy);
}

export async function setPolicy(world: MemoryWorld, policy: BackupPolicy, name = 'weekly'): Promise<void> {
  const at = world.now.toISOString();
  await world.catalog.vaults.updatePolicy(vaultRef, name, () => ({
    vault: vaultRef,
    name,
    properties: {},
    policy,
    createdAt: at,
    updatedAt: at,
  }));
}

/** An instance as the edge leaves it when protection is asked for: claimed by ARM id, not yet configured. */
export async function addInstance(
  world: MemoryWorld,
  name = 'shop',
  more: Partial<BackupInstance> = {},
): Promise<void> {
  const at = world.now.toISOString();
  const resourceId = `/subscriptions/x/servers/db/databases/${name}`;
  await world.catalog.instances.claimResource(resourceId, refOf(name));
  await world.catalog.instances.update(refOf(name), () => ({
    ...refOf(name),
    friendlyName: name,
    properties: {},
    datasource: {
      resourceId,
      type: 'Microsoft.DBforPostgreSQL/servers/databases',
      serverName: 'db',
      databaseName: name,
      location: 'westeurope',
      subscriptionId: 'x',
      resourceGroup: 'rg',
    },
    policyName: 'weekly',
    secretUri: 'https://kv.example/secrets/db',
    state: 'ConfiguringProtection',
    provisioningState: 'Provisioning',
    errors: [],
    createdAt: at,
    updatedAt: at,
    ...more,
  }));
}

/** An instance that is protected; each name is a database of its own. */
export async function protect(world: MemoryWorld, name = 'shop'): Promise<void> {
  await addInstance(world, name);
  const before = world.facts;
  if (!(before instanceof Error)) world.facts = { ...before, databaseOid: oidOf(name) };
  await world.activities['configure-protection']({ instance: refOf(name) });
  world.facts = before;
}

const oidOf = (name: string): number => createHash('sha256').update(name).digest().readUInt32BE();

/** A world with a vault and one protected instance, `shop`. */
export async function protectedWorld(settings: Partial<VaultSettings> = {}): Promise<MemoryWorld> {
  const world = new MemoryWorld();
  await addVault(world, settings);
  const { facts } = world;
  if (!(facts instanceof Error)) world.facts = { ...facts, databaseOid: oidOf('shop') };
  await protect(world);
  return world;
}

export function adhocRun(world: MemoryWorld, name = 'shop', tag = 'Default'): BackupRun {
  const jobId = newJobId(world.now.getTime());
  return {
    operation: 'Backup',
    instance: refOf(name),
    jobId,
    pointId: newPointId(jobId),
    trigger: { kind: 'adhoc', tag },
    requestedBy: 'kim@example',
  };
}

/** A run of the schedule, its slot claimed as the tick does it. */
export async function scheduledRun(world: MemoryWorld, slot: string, name = 'shop'): Promise<BackupRun> {
  const run: BackupRun = { ...adhocRun(world, name), trigger: { kind: 'scheduled', slot }, requestedBy: 'schedule' };
  const updatedAt = world.now.toISOString();
  await world.catalog.slots.claim({ slot, instance: run.instance, outcome: 'started', jobId: run.jobId, updatedAt });
  return run;
}

export function restoreRun(world: MemoryWorld, pointId: string, target?: RestoreRun['target']): RestoreRun {
  return {
    operation: 'Restore',
    instance: refOf(),
    jobId: newJobId(world.now.getTime()),
    pointId,
    target: target ?? {
      kind: 'database',
      targetResourceId: '/subscriptions/x/servers/db/databases/copy',
      database: 'copy',
      secretUri: 'https://kv.example/secrets/db',
      serverName: 'db',
    },
    requestedBy: 'kim@example',
  };
}

/** A whole backup, activity by activity, as the orchestrator sequences it. */
export async function backUp(world: MemoryWorld, run: BackupRun): Promise<{ tag: string }> {
  await world.activities['open-backup'](run);
  await world.activities['check-source'](run);
  await world.activities['dump-database']({ run, attemptId: 'a1' });
  const committed = await world.activities['commit-recovery-point']({ run, attemptId: 'a1' });
  await world.activities['close-run']({ run, outcome: { status: 'Completed' } });
  return committed;
}

/** Deletes an instance as the edge does: the mark of the operation, then its activity. */
export async function deleteInstance(world: MemoryWorld, name = 'shop'): Promise<{ note: string }> {
  const operationId = `delete-${name}`;
  await world.catalog.instances.update(
    refOf(name),
    (current) => current && { ...current, state: 'SoftDeleting', operationId },
  );
  return world.activities['delete-instance']({ instance: refOf(name), requestedBy: 'kim', operationId });
}
