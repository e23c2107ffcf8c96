import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { startHost } from '../../local/host-process.ts';
import type { HostOptions } from '../../local/host-process.ts';
import { e2eEnvironment } from '../../local/services/e2e-environment.ts';
import { freePort } from '../../local/services/free-port.ts';
import { close, listen } from '../../local/services/listen.ts';
import { startServices } from '../../local/services/start-services.ts';
import { readTarget } from './target.ts';

/** Hands the tests the service that E2E_BASE_URL names, or one started here: services in a fresh folder, and the local host. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (process.env['E2E_BASE_URL']) {
    project.provide('target', readTarget(process.env));
    return () => Promise.resolve();
  }
  const stateDirectory = await mkdtemp(path.join(tmpdir(), 'ltr-vault-e2e-'));
  const undo: (() => Promise<void>)[] = [() => rm(stateDirectory, { recursive: true, force: true })];
  const teardown = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const stop of undo.splice(0).reverse()) await stop().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
  try {
    const services = await startServices({ stateDirectory });
    undo.push(() => services.stop());
    const hostLog = path.join(stateDirectory, 'host.log');
    const host = await controlledHost({ port: await freePort(), env: services.appSettings, logFile: hostLog });
    undo.push(host.stop);
    project.provide('target', {
      ...readTarget(e2eEnvironment(services, host.baseUrl)),
      own: {
        controlUrl: host.controlUrl,
        hostPid: host.pid,
        hostLog,
        storageFolder: path.join(stateDirectory, 'azurite'),
      },
    });
  } catch (error) {
    await teardown();
    throw error;
  }
  return teardown;
}

/** Tests run in processes of their own; this is how they kill the host and start it again. */
async function controlledHost(options: HostOptions): Promise<{
  baseUrl: string;
  controlUrl: string;
  pid: number;
  stop: () => Promise<void>;
}> {
  let host = await startHost(options);
  const server = createServer((request, response) => {
    const act = async (): Promise<void> => {
      if (request.url === '/kill') await host.kill();
      else host = await startHost(options);
    };
    act().then(
      () => response.end(String(host.pid)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  const port = await listen(server, 0);
  return {
    baseUrl: host.baseUrl,
    controlUrl: `http://127.0.0.1:${String(port)}`,
    pid: host.pid,
    async stop() {
      await close(server);
      await host.stop();
    },
  };
}
