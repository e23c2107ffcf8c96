import type { Server } from 'node:http';
import type { FunctionsCore } from './app/functions-core.ts';
import { callHooks } from './app/invocation.ts';
import type { DurableEngine } from './durable/engine.ts';
import type { HostLog } from './log.ts';
import type { HubHold } from './storage/hub-lock.ts';
import type { TimerListener } from './timers/timer-listener.ts';

/** The real host's two constants: for the job host to stop, and for the worker after its terminate hook was called. */
const drainMs = 10_000;
const terminateGraceMs = 5_000;

export interface RunningParts {
  publicServer: Server;
  rpcServer: Server;
  core: FunctionsCore;
  engine: DurableEngine;
  timers: ReadonlyMap<string, TimerListener>;
  log: HostLog;
  hub: HubHold;
}

/** @returns false when the work took longer */
async function withDeadline(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

/**
 * Closes the port, waits for what runs, calls the app's terminate hook, frees the hub. The client's port stays open meanwhile: an activity may raise
 * an event with its last breath. The hub is freed last, so that no other host starts what still runs here.
 */
export async function shutDown(parts: RunningParts): Promise<void> {
  const { publicServer, rpcServer, core, engine, timers, log, hub } = parts;
  const answered = close(publicServer);
  log.info(`Stopping: ${engine.runningActivities} activities are running`);
  const running = [answered, engine.drain(), ...[...timers.values()].map((timer) => timer.stop())];
  if (!(await withDeadline(Promise.all(running), drainMs))) {
    log.warn('What runs did not end within 10 s; activities run again at the next start');
  }
  const hooks = callHooks(core.hooks.appTerminate, { hookData: core.appHookData, appHookData: core.appHookData });
  const ended = hooks.catch((error: unknown) => log.error(`app terminate hook: ${String(error)}`));
  await withDeadline(ended, terminateGraceMs);
  rpcServer.close();
  for (const server of [publicServer, rpcServer]) server.closeAllConnections();
  await hub.release();
}
