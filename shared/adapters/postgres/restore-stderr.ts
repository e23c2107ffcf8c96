import type { ProcessEnd } from '../../pipeline/process-failure.ts';
import type { JobWarning } from '../../domain/records.ts';

/** One `pg_restore: error:` with the lines that belong to it. */
export interface ErrorBlock {
  /** The server's message without `ERROR:`, or pg_restore's own. */
  readonly message: string;
  /** The statement that failed, '' when none is quoted. May hold passwords (user mappings) and rows: never shown. */
  readonly command: string;
}

export interface ParsedStderr {
  readonly blocks: readonly ErrorBlock[];
  /** N of `errors ignored on restore: N`; undefined when the line is missing: then pg_restore did not reach the end. */
  readonly ignored: number | undefined;
}

export type BlockVerdict = { readonly fatal: false; readonly warning: JobWarning } | { readonly fatal: true };

export interface RestoreVerdict {
  /** What was not applied although the data is complete. */
  readonly warnings: readonly JobWarning[];
  /** Why the restore has failed, '' when it has not. One line, without rows and statements. */
  readonly fatal: string;
}

const start = /^pg_restore: error: /;
const ownLine = /^pg_restore: /;
const listedAtMost = 500;

/** Splits the standard error of pg_restore into its errors. Lines of notices inside a block do no harm. */
export function parseRestoreStderr(lines: readonly string[]): ParsedStderr {
  const blocks: string[][] = [];
  let open: string[] | undefined;
  let ignored: number | undefined;
  for (const line of lines) {
    const count = /^pg_restore: warning: errors ignored on restore: (\d+)/.exec(line);
    if (count !== null) ignored = Number(count[1]);
    if (start.test(line)) {
      open = [line.replace(start, '')];
      blocks.push(open);
    } else if (ownLine.test(line)) open = undefined;
    else open?.push(line);
  }
  return { blocks: blocks.map(toBlock), ignored };
}

function toBlock(lines: readonly string[]): ErrorBlock {
  const at = lines.findIndex((line) => line.startsWith('Command was: '));
  const command = at === -1 ? '' : lines.slice(at).join('\n').replace('Command was: ', '');
  const message = (lines[0] ?? '').replace(/^could not execute query: /, '').replace(/^ERROR: +/, '');
  return { message, command };
}

/** Statements whose failure leaves the data complete, by kind, with the part of the statement that names the object. */
const tolerable: readonly [kind: string, command: RegExp][] = [
  ['EXTENSION', /^CREATE EXTENSION (?:IF NOT EXISTS )?("[^"]+"|\S+?)(?=[\s;])/],
  ['DEFAULT ACL', /^ALTER DEFAULT PRIVILEGES (.+);/],
  ['OWNER', /^ALTER (.+) OWNER TO /],
  ['ACL', /^(?:GRANT|REVOKE) [^]*? ON ([^]+?) (?:TO|FROM) /],
  ['COMMENT', /^COMMENT ON ([^]+?) IS /],
  ['EVENT TRIGGER', /^(?:CREATE|ALTER) EVENT TRIGGER ("[^"]+"|\S+)/],
  ['SUBSCRIPTION', /^(?:CREATE|ALTER) SUBSCRIPTION ("[^"]+"|\S+)/],
  ['PUBLICATION', /^(?:CREATE|ALTER) PUBLICATION ("[^"]+"|[^\s;]+)/],
  ['USER MAPPING', /^CREATE USER MAPPING FOR ([^]+?) (?:OPTIONS|;)/],
  ['SERVER', /^CREATE SERVER ("[^"]+"|\S+)/],
  ['FOREIGN DATA WRAPPER', /^CREATE FOREIGN DATA WRAPPER ("[^"]+"|[^\s;]+)/],
  ['SECURITY LABEL', /^SECURITY LABEL (?:FOR \S+ )?ON ([^]+?) IS /],
];

const tolerableMessages: readonly [kind: string, message: RegExp][] = [
  ['TABLESPACE', /^could not set default_tablespace to (\S+):/],
  ['SETTING', /^unrecognized configuration parameter "([^"]+)"/],
];

/**
 * What one error means. Anything that touches tables, data, types, functions, indexes, constraints or row security policies (a missing
 * restrictive policy widens access) is fatal, and so is everything unknown.
 */
export function classifyBlock({ message, command }: ErrorBlock): BlockVerdict {
  for (const [kind, pattern] of tolerable) {
    const found = pattern.exec(command);
    if (found !== null) return tolerated(kind, found[1], message);
  }
  for (const [kind, pattern] of tolerableMessages) {
    const found = pattern.exec(message);
    if (found !== null && /^(SET\b|$)/.test(command)) return tolerated(kind, found[1], message);
  }
  return { fatal: true };
}

function tolerated(kind: string, name: string | undefined, message: string): BlockVerdict {
  return { fatal: false, warning: { kind, name: (name ?? '').replaceAll(/\s+/g, ' '), detail: message.slice(0, 300) } };
}

/** Judges a whole run of pg_restore without --exit-on-error by its exit code and standard error. */
export function judgeRestore(end: ProcessEnd): RestoreVerdict {
  if (end.exitCode === 0) return { warnings: [], fatal: '' };
  const { blocks, ignored } = parseRestoreStderr(end.stderr);
  const verdicts = blocks.map((block) => ({ block, verdict: classifyBlock(block) }));
  const warnings = verdicts.flatMap(({ verdict }) => (verdict.fatal ? [] : [verdict.warning]));
  const fatal = verdicts.filter(({ verdict }) => verdict.fatal).map(({ block }) => block);
  if (fatal.length > 0) return { warnings, fatal: explain(fatal, warnings) };
  if (end.stderrTruncated || ignored === undefined || ignored !== blocks.length) {
    return {
      warnings,
      fatal: `pg_restore did not reach the end: ${end.stderr.at(-1)?.slice(0, 200) ?? 'it said nothing'}`,
    };
  }
  return { warnings: shortened(warnings), fatal: '' };
}

/** A cascade starts with what could not be created: an extension that objects need is named before them. */
function explain(fatal: readonly ErrorBlock[], warnings: readonly JobWarning[]): string {
  const extensions = warnings.filter((warning) => warning.kind === 'EXTENSION');
  const first = fatal[0];
  const others = fatal.length > 1 ? ` (and ${String(fatal.length - 1)} more errors)` : '';
  const cause = extensions.map(({ name, detail }) => `extension ${name}: ${detail}; then `).join('');
  return `${cause}${describe(first)}${others}`.slice(0, 600);
}

function describe(block: ErrorBlock | undefined): string {
  if (block === undefined) return 'unknown error';
  const statement = /^[A-Z]+(?: [A-Z]+)*(?: (?:ONLY )?(?:"[^"]+"|[\w.]+)+)?/.exec(block.command)?.[0] ?? '';
  // A value of a row may stand in the message after a colon and quotes; the table's name is enough.
  const message = block.message.replace(/: "[^]*$/, '').slice(0, 250);
  return statement === '' ? message : `${message} (${statement.slice(0, 80)})`;
}

function shortened(warnings: readonly JobWarning[]): readonly JobWarning[] {
  const more = warnings.length - listedAtMost;
  if (more <= 0) return warnings;
  return [...warnings.slice(0, listedAtMost), { kind: 'MORE', name: `${String(more)} more`, detail: 'not listed' }];
}
