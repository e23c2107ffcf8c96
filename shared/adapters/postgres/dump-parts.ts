import type { ManifestPart } from '../../domain/manifest.ts';
import { compressToArchive } from '../../pipeline/compress-to-archive.ts';
import type { CompressedPart } from '../../pipeline/compress-to-archive.ts';
import type { ToolCommand } from '../../pipeline/guarded-process.ts';
import { ProcessFailure } from '../../pipeline/process-failure.ts';
import type { ArchiveStore, DumpRequest } from '../../ports.ts';
import { inspectHead } from './archive-head.ts';
import type { ClientTools, PostgresClients } from './clients.ts';
import { databaseConninfo } from './quoting.ts';
import type { ArchiveContents } from './table-of-contents.ts';
import { toolEnvironment } from './tool-environment.ts';
import type { ToolTarget } from './tool-environment.ts';

/** Blob names inside the folder of an attempt. */
export const databasePart = 'database.dump.zst';
export const globalsPart = 'globals.sql.zst';

/**
 * The keeper holds every lock that pg_dump asks for, so pg_dump waits only behind a change that waits for the keeper: a circle that
 * time does not open. It is given up soon and begun anew.
 */
const lockWaitMilliseconds = 1500;

/** A part whose blocks are staged and not yet committed. */
export interface StagedPart extends CompressedPart {
  readonly part: ManifestPart;
}

export interface PartsContext {
  readonly request: DumpRequest;
  readonly tools: ClientTools;
  readonly clients: PostgresClients;
  readonly archive: ArchiveStore;
  readonly target: ToolTarget;
  /** Aborts when any party of the dump fails. */
  readonly signal: AbortSignal;
}

/** The pg_dump of one database under an exported snapshot, custom format to stdout, compressed outside. */
export function pgDumpCommand(
  tools: ClientTools,
  target: ToolTarget,
  options: { snapshot: string; encoding: string },
): ToolCommand {
  return {
    label: 'pg_dump',
    program: tools.pgDump,
    args: [
      '--format=custom',
      '--compress=0',
      `--snapshot=${options.snapshot}`,
      `--lock-wait-timeout=${String(lockWaitMilliseconds)}`,
      // A role's own client_encoding must not decide what the archive is written in.
      `--encoding=${options.encoding}`,
      '--no-password',
      `--dbname=${databaseConninfo(target.database)}`,
    ],
    env: toolEnvironment(target),
  };
}

export function pgDumpallCommand(tools: ClientTools, target: ToolTarget): ToolCommand {
  return {
    label: 'pg_dumpall',
    program: tools.pgDumpall,
    args: ['--globals-only', '--no-role-passwords', '--no-password', `--database=${databaseConninfo(target.database)}`],
    env: toolEnvironment(target),
  };
}

/** Dumps the database into staged blocks and reads the archive's table of contents in passing. */
export async function dumpDatabase(
  context: PartsContext,
  options: { snapshot: string; encoding: string; onProgress: (storedBytes: number) => void },
): Promise<StagedPart & { contents: ArchiveContents }> {
  const { tools, clients, target, signal } = context;
  const head = inspectHead(tools, clients, signal);
  // Judged below; when the dump itself fails first, that is the error to show.
  head.contents.catch(() => undefined);
  const source = pgDumpCommand(tools, target, options);
  const staged = await compress(context, databasePart, source, { inspect: head.tap, onProgress: options.onProgress });
  try {
    return { ...describe(databasePart, 'database', staged), contents: await head.contents };
  } catch (error) {
    // The staged blocks are unreadable without a commit, and the sweep of the attempt's folder removes them.
    await staged.staged.discard().catch(() => undefined);
    throw error;
  }
}

/** Dumps roles and tablespaces without passwords; undefined when the role may not read them. */
export async function dumpGlobals(context: PartsContext): Promise<StagedPart | undefined> {
  try {
    const staged = await compress(context, globalsPart, pgDumpallCommand(context.tools, context.target), {});
    return describe(globalsPart, 'globals', staged);
  } catch (error) {
    const denied =
      error instanceof ProcessFailure && error.end.stderr.some((line) => line.includes('permission denied'));
    if (denied) return undefined;
    throw error;
  }
}

function compress(
  { request, clients, archive, signal }: PartsContext,
  name: string,
  source: ToolCommand,
  extra: Pick<Parameters<typeof compressToArchive>[0], 'inspect' | 'onProgress'>,
): Promise<CompressedPart> {
  return compressToArchive({
    source,
    guard: clients.guard,
    zstd: clients.zstd,
    level: request.compressionLevel,
    archive,
    container: request.container,
    name: request.folder + name,
    signal,
    ...extra,
  });
}

function describe(name: string, kind: ManifestPart['kind'], compressed: CompressedPart): StagedPart {
  const { storedBytes, sha256, blocks } = compressed.staged;
  return { ...compressed, part: { name, kind, rawBytes: compressed.rawBytes, storedBytes, sha256, blocks } };
}
