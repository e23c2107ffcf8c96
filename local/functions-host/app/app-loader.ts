import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FunctionsCore } from './functions-core.ts';
import { callHooks } from './invocation.ts';

export class AppLoadError extends Error {
  override name = 'AppLoadError';
}

/** Files package.json's `main` names (a glob is allowed), in alphabetical order as the worker loads them. */
export function entryFiles(appFolder: string): string[] {
  const manifest = path.join(appFolder, 'package.json');
  if (!existsSync(manifest)) throw new AppLoadError(`${manifest} does not exist`);
  const { main } = JSON.parse(readFileSync(manifest, 'utf8')) as { main?: unknown };
  if (typeof main !== 'string') throw new AppLoadError(`${manifest} has no "main" that names the functions`);
  const files = globSync(main, { cwd: appFolder }).sort();
  if (files.length === 0)
    throw new AppLoadError(`"main" of ${manifest} is ${main}, which matches no file (is the app built?)`);
  return files.map((file) => path.join(appFolder, file));
}

/** Imports the app, which registers its functions, and runs its app-start hooks. */
export async function loadApp(appFolder: string, core: FunctionsCore): Promise<void> {
  core.install();
  for (const file of entryFiles(appFolder)) {
    core.loading = file;
    await import(pathToFileURL(file).href);
  }
  await callHooks(core.hooks.appStart, {
    hookData: core.appHookData,
    appHookData: core.appHookData,
    functionAppDirectory: appFolder,
  });
  core.started = true;
}

/** Takes over the values of `<app>/local.settings.json`, where the environment wins, and returns all of them. */
export function readLocalSettings(appFolder: string, environment: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const file = path.join(appFolder, 'local.settings.json');
  if (!existsSync(file)) return {};
  const { Values: values = {} } = JSON.parse(readFileSync(file, 'utf8')) as { Values?: Record<string, string> };
  for (const [name, value] of Object.entries(values)) environment[name] ??= value;
  return values;
}
