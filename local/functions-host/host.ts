import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { Server } from 'node:http';
import type { TypedData } from './app/core-types.ts';
import { loadApp } from './app/app-loader.ts';
import { FunctionsCore, type RegisteredFunction } from './app/functions-core.ts';
import { callHooks, Invoker } from './app/invocation.ts';
import { clientPayload } from './durable/client-payload.ts';
import { DurableEngine } from './durable/engine.ts';
import { FunctionTable } from './durable/function-table.ts';
import type { ApiContext } from './durable/management-api.ts';
import { readHostJson, type HostSettings } from './host-json.ts';
import { deriveKeys, type HostKeys } from './http/keys.ts';
import { buildRoutes } from './http/route-table.ts';
import { openPublicServer, openRpcServer, type ServerContext } from './http/server.ts';
import { startStreamProxy } from './http/stream-proxy.ts';
import type { HostLog } from './log.ts';
import { openAzureStorage } from './storage/azure-storage.ts';
import type { HostStorage } from './storage/host-storage.ts';
import { takeHub } from './storage/hub-lock.ts';
import { InstanceStore } from './storage/instance-store.ts';
import { TimerListener } from './timers/timer-listener.ts';
import { parseSchedule } from './timers/ncrontab.ts';
import { TimerStatusStore } from './timers/timer-status.ts';

export interface HostOptions {
  /** Folder with host.json and package.json. */
  appFolder: string;
  /** 0 takes any free port. */
  port: number;
  log: HostLog;
  /** Read for settings; WEBSITE_HOSTNAME is set in it, which the durable client reads. */
  environment: NodeJS.ProcessEnv;
  /** Told when another host took the hub: this one must end at once. */
  onLost: (reason: Error) => void;
}

export interface RunningHost {
  url: string;
  keys: HostKeys;
  /** Closes the port, gives running activities 10 s and the app's terminate hook 5 s, frees the hub. */
  stop(): Promise<void>;
}

export class MissingSettingError extends Error {
  override name = 'MissingSettingError';
}

const drainMs = 10_000;
const terminateGraceMs = 5_000;

/**
 * Starts a host for the app. One per process: what `@azure/functions` registers is global.
 * @throws HostJsonError, AppLoadError, HubInUseError, MissingSettingError naming what is wrong
 */
export async function startHost(options: HostOptions): Promise<RunningHost> {
  const connectionString = options.environment['AzureWebJobsStorage'];
  if (!connectionString)
    throw new MissingSettingError('AzureWebJobsStorage is not set; it names the storage account that holds the state');
  const settings = readHostJson(path.resolve(options.appFolder), options.environment, availableParallelism());
  for (const key of settings.unknownKeys) options.log.warn(`host.json: "${key}" has no effect on this host`);
  const keys = deriveKeys(connectionString, settings.hubName, options.environment['FUNCTIONS_MASTER_KEY']);
  return composeHost(options, settings, keys, openAzureStorage(connectionString, settings.hubName));
}

/** Puts the parts together over a storage; tests pass one that kills the process between operations. */
export async function composeHost(
  options: HostOptions,
  settings: HostSettings,
  keys: HostKeys,
  storage: HostStorage,
): Promise<RunningHost> {
  const { log, environment } = options;
  const appFolder = path.resolve(options.appFolder);
  await storage.prepare();
  const freeHub = await takeHub(storage.lease, settings.hubName, log, options.onLost);
  const servers: Server[] = [];
  try {
    const { promise: ready, resolve: serve } = Promise.withResolvers<ServerContext>();
    const opened = await openPublicServer(options.port, ready, log);
    const rpc = await openRpcServer(
      ready.then(({ durable }) => durable),
      log,
    );
    servers.push(opened.server, rpc.server);
    const url = `http://127.0.0.1:${opened.port}`;
    // Without it the durable client rewrites every URL to localhost:7071.
    environment['WEBSITE_HOSTNAME'] = `127.0.0.1:${opened.port}`;

    const core = new FunctionsCore((level, message) => log.app(level, 'app', message));
    await loadApp(appFolder, core);
    const functions = new FunctionTable([...core.functions.values()]);
    const proxyPort = await startStreamProxy(core);
    const invoker = new Invoker(core, log, settings.functionTimeout);
    const payload: TypedData = { json: clientPayload(url, settings.hubName, keys.durable, rpc.baseUrl) };
    const clientInputs = (fn: RegisteredFunction): { name: string; data: TypedData }[] =>
      Object.entries(fn.metadata.bindings).flatMap(([name, { type }]) =>
        type === 'durableClient' ? [{ name, data: payload }] : [],
      );

    const engine = new DurableEngine({
      store: new InstanceStore(storage),
      functions,
      invoker,
      settings,
      log,
      clientInputs,
    });
    const timers = createTimers(functions, { storage, invoker, log, clientInputs, environment });
    const routes = buildRoutes(functions.ofType('httpTrigger'), settings.routePrefix);
    printFunctions(routes, url, functions, log);

    const durable: ApiContext = { engine, hub: settings.hubName, key: keys.durable };
    const admin = {
      functions,
      routePrefix: settings.routePrefix,
      appFolder,
      startedAt: Date.now(),
      runTimer: (fn: RegisteredFunction) => timers.get(fn.metadata.name)?.runNow(),
    };
    await engine.start();
    serve({ routes, keys, invoker, durable, admin, clientInputs, proxyPort, log });
    for (const timer of timers.values()) await timer.start();
    return { url, keys, stop: () => stopHost({ servers, core, engine, timers, log, freeHub }) };
  } catch (error) {
    for (const server of servers) server.close();
    await freeHub();
    throw error;
  }
}

interface TimerParts {
  storage: HostStorage;
  invoker: Invoker;
  log: HostLog;
  clientInputs: (fn: RegisteredFunction) => { name: string; data: TypedData }[];
  environment: NodeJS.ProcessEnv;
}

function createTimers(functions: FunctionTable, parts: TimerParts): Map<string, TimerListener> {
  const { storage, environment, ...rest } = parts;
  const store = new TimerStatusStore(storage.table);
  const listeners = functions.ofType('timerTrigger').map((fn): [string, TimerListener] => {
    const [bindingName, trigger] = Object.entries(fn.metadata.bindings).find(
      ([, { type }]) => type === 'timerTrigger',
    ) ?? ['timer', undefined];
    const schedule = parseSchedule(String(trigger?.['schedule']), environment);
    const runOnStartup = trigger?.['runOnStartup'] === true;
    return [fn.metadata.name, new TimerListener({ fn, bindingName, schedule, runOnStartup, store, ...rest })];
  });
  return new Map(listeners);
}

function printFunctions(
  routes: ReturnType<typeof buildRoutes>,
  url: string,
  functions: FunctionTable,
  log: HostLog,
): void {
  log.info('Functions:');
  for (const { name, methods, route } of routes) log.info(`  ${name}: [${methods.join(',')}] ${url}/${route}`);
  const others = functions.all.filter(({ metadata }) => !routes.some(({ name }) => name === metadata.name));
  for (const { metadata } of others) {
    const trigger = Object.values(metadata.bindings).find(({ type }) => /trigger$/i.test(type));
    const schedule = trigger?.['schedule'] === undefined ? '' : ` ${String(trigger['schedule'])}`;
    log.info(`  ${metadata.name}: ${trigger?.type ?? 'unknown'}${schedule}`);
  }
}

interface RunningParts {
  servers: Server[];
  core: FunctionsCore;
  engine: DurableEngine;
  timers: Map<string, TimerListener>;
  log: HostLog;
  freeHub: () => Promise<void>;
}

function withDeadline(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  return Promise.race([work.then(() => true), late]).finally(() => clearTimeout(timer));
}

async function stopHost({ servers, core, engine, timers, log, freeHub }: RunningParts): Promise<void> {
  const [publicServer, rpcServer] = servers;
  publicServer?.close();
  publicServer?.closeIdleConnections();
  log.info(`Stopping: ${engine.runningActivities} activities are running`);
  const ended = await withDeadline(
    Promise.all([engine.drain(), ...[...timers.values()].map((timer) => timer.stop())]),
    drainMs,
  );
  if (!ended) log.warn('Activities did not end within 10 s; they run again at the next start');
  const hooks = callHooks(core.hooks.appTerminate, { hookData: core.appHookData, appHookData: core.appHookData });
  await withDeadline(
    hooks.catch((error: unknown) => log.error(`app terminate hook: ${String(error)}`)),
    terminateGraceMs,
  );
  rpcServer?.close();
  for (const server of servers) server.closeAllConnections();
  await freeHub();
}
