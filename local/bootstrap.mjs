/**
 * What every `npm run …` of this project goes through. Plain JavaScript without dependencies, for any Node >= 18: it installs what is
 * missing (npm packages; PostgreSQL and zstd from apt when we may), builds the app when the build is stale, and hands over to the
 * pinned Node. Signals are passed on and the exit code is kept.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const modules = path.join(root, 'node_modules');
const pinnedNode = path.join(modules, '.bin', process.platform === 'win32' ? 'node.exe' : 'node');
const vitest = ['node_modules/vitest/vitest.mjs', 'run'];

/** Each command: what it runs under the pinned Node, and what must be there first. */
const commands = {
  start: { run: ['local/start.ts'], build: true, programs: true },
  services: { run: ['local/services.ts'], build: true, programs: true },
  test: {
    run: [...vitest, '--project', 'pure', '--project', 'servers', '--project', 'e2e'],
    build: true,
    programs: true,
  },
  'test:full': {
    run: vitest,
    build: true,
    programs: true,
    env: { LTR_PROPERTY_RUNS: process.env.LTR_PROPERTY_RUNS ?? '500' },
  },
  e2e: { run: [...vitest, '--project', 'e2e'], build: true, programs: !process.env.E2E_BASE_URL },
  bench: { run: ['bench/run.ts'], build: true, programs: true },
};

class Refusal extends Error {}

const say = (line) => process.stderr.write(`${line}\n`);
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

/** Runs a program to its end with our terminal. */
function must(what, file, args, env = {}) {
  const { status, error, signal } = spawnSync(file, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (error) throw new Refusal(`${what}: ${error.message}`);
  if (status !== 0) throw new Refusal(`${what} failed (${signal ?? `exit code ${String(status)}`}).`);
}

// ---- npm packages ----------------------------------------------------------------------------------------------------

/** True when node_modules holds exactly what package-lock.json wants; npm keeps its own record of what it installed. */
function modulesAreCurrent() {
  const record = path.join(modules, '.package-lock.json');
  if (!existsSync(record) || !existsSync(path.join(modules, '.bin'))) return false;
  const wanted = readJson(path.join(root, 'package-lock.json')).packages;
  const installed = readJson(record).packages;
  return Object.entries(wanted).every(([name, entry]) => {
    if (name === '') return true;
    // Optional packages are there only when they fit this machine.
    if (!installed[name]) return entry.optional === true || entry.devOptional === true;
    return installed[name].version === entry.version;
  });
}

function pinnedNodeWorks() {
  const wanted = readJson(path.join(root, 'package.json')).devDependencies.node;
  const { stdout, status } = spawnSync(pinnedNode, ['--version'], { encoding: 'utf8' });
  return status === 0 && stdout.trim() === `v${wanted}`;
}

function installModules() {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  if (!modulesAreCurrent()) {
    say('Installing npm packages (npm ci) …');
    must('npm ci', npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { NODE_ENV: 'development' });
  }
  if (pinnedNodeWorks()) return;
  // The `node` package fetches its binary in an install script, which a careful npm configuration does not run by itself.
  const script = path.join(modules, 'node', 'installArchSpecificPackage.js');
  say('Installing the pinned Node …');
  spawnSync(process.execPath, [script], { cwd: path.dirname(script), stdio: 'inherit' });
  if (!pinnedNodeWorks())
    throw new Refusal(`The pinned Node is missing: ${pinnedNode} does not run. Delete node_modules and try again.`);
}

// ---- programs --------------------------------------------------------------------------------------------------------

const onPath = (name) =>
  (process.env.PATH ?? '').split(path.delimiter).some((folder) => existsSync(path.join(folder, name)));

function hasServer() {
  const debian = '/usr/lib/postgresql';
  return (
    existsSync(debian) && readdirSync(debian).some((major) => existsSync(path.join(debian, major, 'bin', 'initdb')))
  );
}

/** Debian packages that are missing: the program each brings is looked for, not the package. */
function missingPackages() {
  const missing = [];
  if (!hasServer()) missing.push('postgresql');
  if (!onPath('pg_dump')) missing.push('postgresql-client');
  if (!onPath('zstd')) missing.push('zstd');
  if (process.platform === 'linux' && !onPath('setpriv')) missing.push('util-linux');
  return missing;
}

function installPrograms() {
  const missing = missingPackages();
  if (missing.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    const prefix = onPath('apt-get') ? 'sudo ' : '';
    throw new Refusal(
      `These programs are missing: ${missing.join(', ')}.\n` +
        'Needed are the PostgreSQL server (for the local demo and the tests), its client tools (pg_dump, pg_restore) and zstd.\n' +
        `On Debian or Ubuntu: ${prefix}apt-get update && ${prefix}${command}\n` +
        'Elsewhere: install PostgreSQL and zstd with the package manager of the system, then run the same command again.',
    );
  }
  say(`Installing ${missing.join(', ')} (apt-get) …`);
  const quiet = { DEBIAN_FRONTEND: 'noninteractive' };
  must('apt-get update', 'apt-get', ['update', '-qq'], quiet);
  must(command, 'apt-get', [...command.split(' ').slice(1), '-qq'], quiet);
  const still = missingPackages();
  if (still.length > 0) throw new Refusal(`apt-get ended well, but these are still missing: ${still.join(', ')}.`);
}

// ---- build -----------------------------------------------------------------------------------------------------------

function sourcesFingerprint() {
  const hash = createHash('sha256');
  const visit = (name) => {
    const file = path.join(root, name);
    const facts = statSync(file);
    if (facts.isDirectory()) for (const child of readdirSync(file).sort()) visit(path.join(name, child));
    else hash.update(`${name} ${String(facts.size)} ${String(facts.mtimeMs)}\n`);
  };
  for (const name of ['functions', 'orchestrations', 'shared', 'tsconfig.json', 'tsconfig.build.json', 'package.json'])
    visit(name);
  return hash.digest('hex');
}

function buildApp() {
  const stamp = path.join(root, 'dist', '.built-from');
  const fingerprint = sourcesFingerprint();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return;
  say('Building the app (tsc) …');
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  must('The build', pinnedNode, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']);
  writeFileSync(stamp, fingerprint);
}

// ---- hand over -------------------------------------------------------------------------------------------------------

function handOver(command, args) {
  const env = {
    ...process.env,
    ...command.env,
    PATH: `${path.dirname(pinnedNode)}${path.delimiter}${process.env.PATH ?? ''}`,
  };
  const child = spawn(pinnedNode, [...command.run, ...args], { cwd: root, stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // Ctrl-C reaches the child from the terminal itself; passing it on would make it two.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    say(error.message);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + ({ SIGINT: 2, SIGTERM: 15, SIGHUP: 1, SIGKILL: 9 }[signal] ?? 0);
  });
}

const [name, ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
try {
  if (Number(process.versions.node.split('.')[0]) < 18)
    throw new Refusal(`Node 18 or newer is needed; this is ${process.version}.`);
  if (!command) throw new Refusal(`Usage: node local/bootstrap.mjs ${Object.keys(commands).join('|')} [arguments]`);
  installModules();
  if (command.programs) installPrograms();
  if (command.build) buildApp();
  handOver(command, args);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  say(error.message);
  process.exitCode = 1;
}
