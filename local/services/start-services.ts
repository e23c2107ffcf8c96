import { randomBytes } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { startIdentity } from '../identity/identity-server.ts';
import type { RunningIdentity } from '../identity/identity-server.ts';
import { KEY_VAULT_AUDIENCE } from '../identity/provider.ts';
import { startKeyVault } from '../key-vault/key-vault-server.ts';
import type { RunningKeyVault } from '../key-vault/key-vault-server.ts';
import { stateDirectory } from '../paths.ts';
import { appSettings } from './app-settings.ts';
import { startAzurite, stopLeftoverAzurite } from './azurite.ts';
import type { RunningAzurite } from './azurite.ts';
import { lastingPort } from './free-port.ts';
import { startPostgres, stopLeftoverPostgres } from './postgres.ts';
import type { RunningPostgres } from './postgres.ts';
import { readStateFile, writeStateFile } from './state-file.ts';
import { lockState } from './state-lock.ts';

export const API_AUDIENCE = 'api://ltr-vault';

export interface StartServicesOptions {
  /** Where everything is kept; without it the checkout's own place (local/paths.ts). */
  readonly stateDirectory?: string;
  /** The user's own database (ADO.NET connection string): then no PostgreSQL is started. */
  readonly database?: string;
  /** Settings of the local PostgreSQL for this run. */
  readonly postgresSettings?: Readonly<Record<string, string>>;
}

export interface RunningServices {
  readonly stateDirectory: string;
  readonly azurite: RunningAzurite;
  /** Undefined when the user gave a database. */
  readonly postgres: RunningPostgres | undefined;
  readonly identity: RunningIdentity;
  readonly keyVault: RunningKeyVault;
  /** The app's environment. */
  readonly appSettings: Readonly<Record<string, string>>;
  /** Services whose port, and so whose address, is not that of the last run: something else has it now. */
  readonly movedPorts: readonly string[];
  /** Stops everything cleanly; a second call waits for the first. */
  stop(): Promise<void>;
}

const portsSchema = z.object({
  blob: z.number().int(),
  queue: z.number().int(),
  table: z.number().int(),
  postgres: z.number().int(),
  identity: z.number().int(),
  keyVault: z.number().int(),
});
type Ports = z.infer<typeof portsSchema>;
const secretsSchema = z.object({ storageAccountKey: z.string(), postgresPassword: z.string() });

/**
 * Starts everything that the app needs except a host: Azurite, PostgreSQL, sign-in, Key Vault, all on 127.0.0.1. What a
 * run leaves in the state directory, addresses included, is what the next run goes on with.
 * @throws Error when another process runs on the directory or a service does not come up; nothing is left running then
 */
export async function startServices(options: StartServicesOptions = {}): Promise<RunningServices> {
  const directory = options.stateDirectory ?? stateDirectory();
  await mkdir(directory, { recursive: true });
  // Everybody's secrets lie in files of mode 0600; the user postgres must get through to its own folder.
  await chmod(directory, process.getuid?.() === 0 ? 0o711 : 0o700);
  const undo: (() => Promise<void>)[] = [await lockState(directory)];
  try {
    return await startAll(directory, options, undo);
  } catch (error) {
    await stopAll(undo).catch((second: unknown) => console.error('while giving up:', second));
    throw error;
  }
}

async function startAll(
  directory: string,
  options: StartServicesOptions,
  undo: (() => Promise<void>)[],
): Promise<RunningServices> {
  // Before the ports are chosen: what a killed run left behind would hold its own.
  await Promise.all([
    stopLeftoverAzurite(path.join(directory, 'azurite')),
    stopLeftoverPostgres(path.join(directory, 'postgres')),
  ]);
  const { ports, moved } = await choosePorts(path.join(directory, 'ports.json'));
  const secrets = await loadSecrets(path.join(directory, 'services.json'));
  const keep = <T extends { stop(): Promise<void> }>(service: T): T => {
    undo.push(() => service.stop());
    return service;
  };
  const started = await Promise.allSettled([
    startAzurite({
      directory: path.join(directory, 'azurite'),
      accountKey: secrets.storageAccountKey,
      blobPort: ports.blob,
      queuePort: ports.queue,
      tablePort: ports.table,
    }).then(keep),
    options.database === undefined
      ? startPostgres({
          directory: path.join(directory, 'postgres'),
          port: ports.postgres,
          password: secrets.postgresPassword,
          settings: options.postgresSettings ?? {},
        }).then(keep)
      : undefined,
    startSignInAndVault(directory, ports, keep),
  ]);
  const [azurite, postgres, { identity, keyVault }] = started.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  }) as [RunningAzurite, RunningPostgres | undefined, Awaited<ReturnType<typeof startSignInAndVault>>];
  let stopping: Promise<void> | undefined;
  return {
    stateDirectory: directory,
    azurite,
    postgres,
    identity,
    keyVault,
    appSettings: appSettings({ azurite, identity, keyVault }),
    movedPorts: moved,
    stop: () => (stopping ??= stopAll(undo)),
  };
}

async function startSignInAndVault(
  directory: string,
  ports: Ports,
  keep: <T extends { stop(): Promise<void> }>(service: T) => T,
): Promise<{ identity: RunningIdentity; keyVault: RunningKeyVault }> {
  const identity = keep(
    await startIdentity({ directory: path.join(directory, 'identity'), port: ports.identity, audience: API_AUDIENCE }),
  );
  const keyVault = keep(
    await startKeyVault({
      directory: path.join(directory, 'key-vault'),
      port: ports.keyVault,
      access: {
        issuer: identity.issuer,
        jwksUri: identity.jwksUri,
        audience: KEY_VAULT_AUDIENCE,
        authority: identity.tenantUrl,
        rights: {
          [identity.appObjectId]: ['get', 'list'],
          [identity.clients.contributor.objectId]: ['get', 'list', 'set'],
        },
      },
    }),
  );
  return { identity, keyVault };
}

/** Last in, first out; every one is tried, and the first failure is thrown. */
async function stopAll(undo: (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const stop of undo.splice(0).reverse()) await stop().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

async function choosePorts(file: string): Promise<{ ports: Ports; moved: string[] }> {
  const last = await readStateFile(file, portsSchema);
  const ports: Record<string, number> = {};
  for (const name of Object.keys(portsSchema.shape) as (keyof Ports)[]) {
    let port = await lastingPort(last?.[name]);
    while (Object.values(ports).includes(port)) port = await lastingPort();
    ports[name] = port;
  }
  const chosen = portsSchema.parse(ports);
  await writeStateFile(file, chosen);
  const names = Object.keys(chosen) as (keyof Ports)[];
  return { ports: chosen, moved: last === undefined ? [] : names.filter((name) => chosen[name] !== last[name]) };
}

async function loadSecrets(file: string): Promise<z.infer<typeof secretsSchema>> {
  const existing = await readStateFile(file, secretsSchema);
  if (existing !== undefined) return existing;
  const secrets = {
    storageAccountKey: randomBytes(64).toString('base64'),
    postgresPassword: randomBytes(24).toString('base64url'),
  };
  await writeStateFile(file, secrets);
  return secrets;
}
