/**
 * Makes what two hosts said comparable. The rules are general: times, ids, keys, install paths and the .NET frames of stack traces are replaced, known
 * functions named in messages sorted, and how far a run has come (Pending or Running) not told apart. None names an exchange.
 */
const rules: readonly [RegExp, string | ((...parts: string[]) => string)][] = [
  [/code=[^&"\\]+/g, 'code=<key>'],
  [/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+00:00)/g, '<time>'],
  [/[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}/g, '<guid>'],
  // .NET frames of the real host, in messages as they are and inside nested JSON.
  [/ {3}at (Microsoft|System)\.[^\n"]*?(?=\\+n|\n|\\*"|, StackTrace|$)/g, ''],
  [/(StackTrace(\\*": ?\\*"|: ))(\\+n|\n)+/g, '$1'],
  [/\/admin\/vfs[^"]*/g, '/admin/vfs<path>'],
  [/(?:file:\/\/)?(?:<app>|\/[^\s"():]*?)(\/node_modules\/|\/src\/functions(?=["/]))/g, '<app>$1'],
  [/"id":"(vm-\d+|local-functions-host)"/g, '"id":"<host>"'],
  [/"processUptime":\d+/g, '"processUptime":0'],
  [/"runtimeStatus":"(Pending|Running)"/g, '"runtimeStatus":"<open>"'],
  [
    /(known \w+ functions: )([^."]*)/g,
    (_all, head = '', names = '') => `${head}${names.split(', ').sort().join(', ')}`,
  ],
];

export function normalizeText(text: string): string {
  return rules.reduce((current, [pattern, replacement]) => {
    return typeof replacement === 'string'
      ? current.replace(pattern, replacement)
      : current.replace(pattern, replacement);
  }, text);
}

export function normalizeValue(value: unknown): unknown {
  return JSON.parse(normalizeText(JSON.stringify(value)), (_key, inner: unknown) => sortParallel(inner)) as unknown;
}

/** Activities that ran at the same time may end in any order: neighbouring completions are sorted. */
function sortParallel(inner: unknown): unknown {
  if (!Array.isArray(inner)) return inner;
  const isCompletion = (one: unknown): boolean =>
    (one as { EventType?: unknown } | null)?.EventType === 'TaskCompleted';
  const sorted: unknown[] = [];
  for (let start = 0; start < inner.length;) {
    let end = start;
    while (end < inner.length && isCompletion(inner[end])) end += 1;
    const run = inner.slice(start, Math.max(end, start + 1)).map((one) => JSON.stringify(one));
    sorted.push(...run.sort().map((text) => JSON.parse(text) as unknown));
    start = Math.max(end, start + 1);
  }
  return sorted;
}

/** Entities are not supported locally: neither they nor the orchestrations that call them are compared in lists. */
export function withoutEntities(body: unknown): unknown {
  if (!Array.isArray(body)) return body;
  return body.filter((item) => {
    const { instanceId, name } = item as { instanceId?: string; name?: string };
    return instanceId === undefined || !(instanceId.startsWith('@') || name === 'entityUser');
  });
}
