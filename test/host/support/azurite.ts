import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

const root = path.resolve(import.meta.dirname, '../../..');
const stopWithParent = path.join(root, 'local/services/stop-with-parent.ts');
const key = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

export interface TestAzurite {
  connectionString: string;
  /** Answers nothing until it is resumed; connections stay. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** An Azurite of its own in memory, on free ports; its well-known key is public. */
export async function startAzurite(): Promise<TestAzurite> {
  const script = path.join(root, 'node_modules/azurite/dist/src/azurite.js');
  const ports = ['--blobPort', '0', '--queuePort', '0', '--tablePort', '0'];
  const options = ['--inMemoryPersistence', '--skipApiVersionCheck', '--disableTelemetry', '--silent'];
  const child = spawn(process.execPath, ['--import', stopWithParent, script, ...options, ...ports], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const found = new Map<string, string>();
  for await (const line of createInterface({ input: child.stdout })) {
    const match = /Azurite (Blob|Queue|Table) service (?:is )?successfully list\w+ (?:on|at) (http:\/\/\S+)/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) found.set(match[1], match[2]);
    if (found.size === 3) break;
  }
  if (found.size < 3) throw new Error('Azurite did not start');
  const endpoint = (name: string): string => `${name}Endpoint=${found.get(name) ?? ''}/devstoreaccount1`;
  const account = `DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=${key}`;
  return {
    connectionString: [account, endpoint('Blob'), endpoint('Queue'), endpoint('Table')].join(';') + ';',
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
