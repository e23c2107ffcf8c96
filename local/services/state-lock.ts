import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { commandLine, isAlive } from './child-process.ts';

const owner = z.object({ pid: z.number().int().positive(), command: z.string().optional() });

/**
 * Makes this process the only one that runs services on a state directory, and resolves to what gives it back. The lock
 * of a process that is gone is taken over.
 * @throws Error that names the process which has it
 */
export async function lockState(directory: string): Promise<() => Promise<void>> {
  const file = path.join(directory, 'services.lock');
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const holder = JSON.stringify({ pid: process.pid, command: await commandLine(process.pid) });
    try {
      await writeFile(file, holder, { flag: 'wx', mode: 0o600 });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const pid = await liveHolder(file);
    if (pid !== undefined) {
      throw new Error(`local services already run on ${directory} (process ${String(pid)}); stop them first`);
    }
    await rm(file, { force: true });
  }
  throw new Error(`${directory} is being taken by another process; try again`);
}

async function liveHolder(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const parsed = owner.safeParse(tryParse(text));
  if (!parsed.success) return undefined;
  const { pid, command } = parsed.data;
  // Process ids are used again: without the same command line it is another process.
  const same = command === undefined || (await commandLine(pid)) === command;
  return isAlive(pid) && same ? pid : undefined;
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // Cut off by a crash while it was written: nobody holds it.
  }
}
