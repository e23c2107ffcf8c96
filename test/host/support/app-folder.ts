import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../../..');

export interface AppFolder {
  path: string;
  /** Starts below the folder, for files the app writes. */
  file(name: string): string;
  remove(): Promise<void>;
}

export interface AppFiles {
  /** Source of src/functions/main.mjs. */
  source: string;
  hubName: string;
  durableTask?: Record<string, unknown>;
  hostJson?: Record<string, unknown>;
}

/** A function app in a fresh folder that uses this repository's packages. */
export async function createApp({ source, hubName, durableTask = {}, hostJson = {} }: AppFiles): Promise<AppFolder> {
  const folder = await mkdtemp(path.join(tmpdir(), 'host-app-'));
  const host = {
    version: '2.0',
    functionTimeout: '-1',
    extensions: { http: { routePrefix: '' }, durableTask: { hubName, ...durableTask } },
    ...hostJson,
  };
  await mkdir(path.join(folder, 'src/functions'), { recursive: true });
  await writeFile(path.join(folder, 'src/functions/main.mjs'), source);
  await writeFile(path.join(folder, 'package.json'), JSON.stringify({ main: 'src/functions/*.mjs' }));
  await writeFile(path.join(folder, 'host.json'), JSON.stringify(host));
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  return {
    path: folder,
    file: (name) => path.join(folder, name),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
