import { availableParallelism } from 'node:os';
import path from 'node:path';
import { loadApp } from './app/app-loader.ts';
import type { TypedData } from './app/core-types.ts';
import { FunctionsCore, type RegisteredFunction } from './app/functions-core.ts';
import { Invoker } from './app/invocation.ts';
import { clientPayload } from './durable/client-payload.ts';
import { DurableEngine } from './durable/engine.ts';
import { FunctionTable } from './durable/function-table.ts';
import { readHostJson, type HostSettings } from './host-json.ts';
import { deriveKeys, type HostKeys } from './http/keys.ts';
import { buildRoutes, type HttpRoute } from './http/route-table.ts';
import { openPublicServer, openRpcServer, type ServerContext } from './http/server.ts';
import { startStreamProxy } from './http/stream-proxy.ts';
import type { HostLog } from './log.ts';
import { shutDown } from './shutdown.ts';
import { openAzureStorage } from './storage/azure-storage.ts';
import type { HostStorage } from './storage/host-storage.ts';
import { takeHub, type HubHold } from './storage/hub-lock.ts';
import { InstanceStore } from './storage/instance-store.ts';
import { createTimers } from './timers/create-timers.ts';

export interface HostOptions {
  /** Folder with host.json and package.json. */
  appFolder: string;
  /** 0 takes any free port. */
  port: number;
  log: HostLog;
  /** Read for settings; WEBSITE_HOSTNAME is set in it, which the durable client reads. */
  environment: NodeJS.ProcessEnv;
  /** Told when another host took the hub: this process must end at once. */
  onLost: (reason: Error) => void;
}

export interface RunningHost {
  url: string;
  keys: HostKeys;
  /** Closes the port, gives what runs 10 s and the app's terminate hook 5 s, frees the hub. */
  stop(): Promise<void>;
}

export class MissingSettingError extends Error {
  override name = 'MissingSettingError';
}

/**
 * Starts a host for the app. One per process: what `@azure/functions` registers is global.
 * @throws HostJsonError, AppLoadError, ScheduleError, HubInUseError, MissingSettingError naming what is wrong
 */
export async function startHost(options: HostOptions): Promise<RunningHost> {
  const { environment, log } = options;
  const connectionString = environment['AzureWebJobsStorage'];
  if (!connectionString) {
    throw new MissingSettingError('AzureWebJobsStorage is not set; it names the storage account that holds the state');
  }
  const settings = readHostJson(path.resolve(options.appFolder), environment, availableParallelism());
  for (const key of settings.unknownKeys) log.warn(`host.json: "${key}" has no effect on this host`);
  const keys = deriveKeys(connectionString, settings.hubName, environment['FUNCTIONS_MASTER_KEY']);
  return composeHost(options, settings, keys, openAzureStorage(connectionString, settings.hubName));
}

/** Puts the parts together over a storage; tests pass one that kills the process between operations. */
export async function composeHost(
  options: HostOptions,
  settings: HostSettings,
  keys: HostKeys,
  storage: HostStorage,
): Promise<RunningHost> {
  await storage.prepare();
  const hub = await takeHub(storage.lease, settings.hubName, options.log, options.onLost);
  try {
    return await serve(options, settings, keys, storage, hub);
  } catch (error) {
    await hub.release();
    throw error;
  }
}

async function serve(
  options: HostOptions,
  settings: HostSettings,
  keys: HostKeys,
  storage: HostStorage,
  hub: HubHold,
): Promise<RunningHost> {
  const { log, environment } = options;
  const { routePrefix, hubName } = settings;
  const appFolder = path.resolve(options.appFolder);
  // Ports are taken before the app is loaded, as the client's URLs name them; requests wait until everything is there.
  const { promise: context, resolve: begin } = Promise.withResolvers<ServerContext>();
  const { server: publicServer, port } = await openPublicServer(options.port, context, log);
  const durableContext = context.then(({ durable }) => durable);
  const { server: rpcServer, baseUrl } = await openRpcServer(durableContext, log);
  const url = `http://127.0.0.1:${port}`;
  // Without it the durable client rewrites every URL to localhost:7071.
  environment['WEBSITE_HOSTNAME'] = `127.0.0.1:${port}`;

  const core = new FunctionsCore((level, message) => log.app(level, 'app', message));
  await loadApp(appFolder, core);
  const proxyPort = await startStreamProxy(core);
  const functions = new FunctionTable(core.functions.values());
  const invoker = new Invoker(core, log, settings.functionTimeout);
  const clientInputs = durableClientInputs(clientPayload(url, hubName, keys.durable, baseUrl));
  const timers = createTimers(functions, { table: storage.table, invoker, log, clientInputs, environment });
  const routes = buildRoutes(functions.ofType('httpTrigger'), routePrefix);
  const store = new InstanceStore(storage);
  const engine = new DurableEngine({ store, functions, invoker, settings, log, clientInputs, hub });
  printFunctions(routes, url, functions, log);

  const runTimer = (fn: RegisteredFunction): void => timers.get(fn.metadata.name)?.runNow();
  const admin = { functions, routePrefix, appFolder, startedAt: Date.now(), runTimer };
  const durable = { engine, hub: hubName, key: keys.durable };
  await engine.start();
  begin({ routes, keys, invoker, durable, admin, clientInputs, proxyPort, log });
  for (const timer of timers.values()) await timer.start();
  return { url, keys, stop: () => shutDown({ publicServer, rpcServer, core, engine, timers, log, hub }) };
}

/** What a function's durable client bindings receive. */
function durableClientInputs(payload: string): (fn: RegisteredFunction) => { name: string; data: TypedData }[] {
  return (fn) =>
    Object.entries(fn.metadata.bindings).flatMap(([name, { type }]) =>
      type === 'durableClient' ? [{ name, data: { json: payload } }] : [],
    );
}

function printFunctions(routes: readonly HttpRoute[], url: string, functions: FunctionTable, log: HostLog): void {
  log.info('Functions:');
  for (const { name, methods, route } of routes) log.info(`  ${name}: [${methods.join(',')}] ${url}/${route}`);
  const others = functions.all.filter(({ metadata }) => !routes.some(({ name }) => name === metadata.name));
  for (const { metadata } of others) {
    const trigger = Object.values(metadata.bindings).find(({ type }) => /trigger$/i.test(type));
    const schedule = trigger?.['schedule'] === undefined ? '' : ` ${String(trigger['schedule'])}`;
    log.info(`  ${metadata.name}: ${trigger?.type ?? 'unknown'}${schedule}`);
  }
}
