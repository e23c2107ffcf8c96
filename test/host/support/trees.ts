import fc from 'fast-check';

/** A random orchestration. Ids name activities and children; `all` and `any` hold what becomes one task. */
export type Leaf =
  | { kind: 'activity'; id: number }
  | { kind: 'flaky'; id: number; failures: number }
  | { kind: 'timer'; id: number; ms: number }
  | { kind: 'event'; id: number }
  | { kind: 'child'; id: number; tree: Tree };

export type Tree =
  | Leaf
  | { kind: 'broken'; id: number }
  | { kind: 'sequence'; trees: Tree[] }
  | { kind: 'all'; leaves: Leaf[] }
  | { kind: 'any'; leaf: Leaf; rival: 'event' | 'timer' };

/** What a host starts: `rounds` more executions by continue-as-new follow the first (then no events are waited for). */
export interface Program {
  tree: Tree;
  rounds: number;
}

const unnumbered = fc.letrec<{ leaf: Leaf; tree: Tree }>((tie) => {
  const id = fc.constant(0);
  return {
    leaf: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.record({ kind: fc.constant('activity' as const), id }),
      fc.record({ kind: fc.constant('timer' as const), id, ms: fc.integer({ min: 0, max: 60 }) }),
      fc.record({ kind: fc.constant('event' as const), id }),
      fc.record({ kind: fc.constant('flaky' as const), id, failures: fc.integer({ min: 1, max: 2 }) }),
      fc.record({ kind: fc.constant('child' as const), id, tree: tie('tree') }),
    ),
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      tie('leaf'),
      fc.record({ kind: fc.constant('broken' as const), id }),
      fc.record({ kind: fc.constant('all' as const), leaves: fc.array(tie('leaf'), { minLength: 1, maxLength: 4 }) }),
      fc.record({
        kind: fc.constant('any' as const),
        leaf: tie('leaf'),
        rival: fc.constantFrom('event' as const, 'timer' as const),
      }),
      fc.record({
        kind: fc.constant('sequence' as const),
        trees: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
      }),
    ),
  };
});

function numbered(program: Program): Program {
  let next = 0;
  const text = JSON.stringify(program, (key, value: unknown) => {
    if (key === 'id') return (next += 1);
    // A round that waited for events could lose those raised early: continue-as-new drops what was delivered and not awaited.
    const isEvent = (value as { kind?: unknown } | null)?.kind === 'event';
    return program.rounds > 0 && isEvent ? { kind: 'activity', id: 0 } : value;
  });
  return JSON.parse(text) as Program;
}

export function samplePrograms(count: number, seed: number): Program[] {
  const program = fc.record({ tree: unnumbered.tree, rounds: fc.constantFrom(0, 0, 0, 1, 2) });
  return fc.sample(program, { numRuns: count, seed }).map(numbered);
}

/** The result every faithful host must give. */
export function expectedResult(tree: Tree): unknown {
  switch (tree.kind) {
    case 'sequence':
      return tree.trees.map(expectedResult);
    case 'all':
      return tree.leaves.map(expectedResult);
    case 'any':
      return expectedResult(tree.leaf);
    case 'child':
      return { child: expectedResult(tree.tree) };
    case 'broken':
      return `caught ${tree.id}`;
    case 'timer':
      return null;
    default:
      return `${tree.kind} ${tree.id}`;
  }
}

/** Activities that must have run, by the names they note down. */
export function expectedActivities(tree: Tree): string[] {
  switch (tree.kind) {
    case 'sequence':
      return tree.trees.flatMap(expectedActivities);
    case 'all':
      return tree.leaves.flatMap(expectedActivities);
    case 'any':
      return expectedActivities(tree.leaf);
    case 'child':
      return expectedActivities(tree.tree);
    case 'activity':
    case 'flaky':
    case 'broken':
      return [`${tree.kind} ${tree.id}`];
    default:
      return [];
  }
}

/** Events to raise, each with the instance that waits for it. */
export function awaitedEvents(tree: Tree, instanceId: string): { instanceId: string; id: number }[] {
  switch (tree.kind) {
    case 'sequence':
      return tree.trees.flatMap((inner) => awaitedEvents(inner, instanceId));
    case 'all':
      return tree.leaves.flatMap((inner) => awaitedEvents(inner, instanceId));
    case 'any':
      return awaitedEvents(tree.leaf, instanceId);
    case 'child':
      return awaitedEvents(tree.tree, `${instanceId}.${tree.id}`);
    case 'event':
      return [{ instanceId, id: tree.id }];
    default:
      return [];
  }
}

export function childInstances(tree: Tree, instanceId: string): string[] {
  switch (tree.kind) {
    case 'sequence':
      return tree.trees.flatMap((inner) => childInstances(inner, instanceId));
    case 'all':
      return tree.leaves.flatMap((inner) => childInstances(inner, instanceId));
    case 'any':
      return childInstances(tree.leaf, instanceId);
    case 'child':
      return [`${instanceId}.${tree.id}`, ...childInstances(tree.tree, `${instanceId}.${tree.id}`)];
    default:
      return [];
  }
}

/** The app that runs them. Activities note down that they ran; a flaky one counts its runs in a file, so that kills do not reset it. */
export const treeApp = `
import { appendFileSync, readFileSync } from 'node:fs';
import * as df from 'durable-functions';
const file = process.env.RUN_FILE;
const ran = (program, what) => appendFileSync(file, program + ' ' + what + '\\n');
df.app.activity('note', { handler: ({ program, what }) => { ran(program, what); return what; } });
df.app.activity('flaky', { handler: ({ program, what, failures }) => {
  ran(program, what);
  const runs = readFileSync(file, 'utf8').split('\\n').filter((line) => line === program + ' ' + what).length;
  if (runs <= failures) throw new Error('run ' + runs);
  return what;
} });
df.app.activity('broken', { handler: ({ program, what }) => { ran(program, what); throw new Error(what); } });
const later = (c, ms) => new Date(c.df.currentUtcDateTime.getTime() + ms);
const program = (c) => c.df.instanceId.split('.')[0];
function task(c, leaf) {
  const work = { program: program(c), what: leaf.kind + ' ' + leaf.id, failures: leaf.failures };
  switch (leaf.kind) {
    case 'activity': return c.df.callActivity('note', work);
    case 'flaky': return c.df.callActivityWithRetry('flaky', new df.RetryOptions(10, leaf.failures + 1), work);
    case 'timer': return c.df.createTimer(later(c, leaf.ms));
    case 'event': return c.df.waitForExternalEvent('event-' + leaf.id);
    case 'child': return c.df.callSubOrchestrator('tree', { tree: leaf.tree, rounds: 0 }, c.df.instanceId + '.' + leaf.id);
  }
}
const result = (leaf, value) => leaf.kind === 'timer' ? null : leaf.kind === 'child' ? { child: value } : value;
function* run(c, tree) {
  switch (tree.kind) {
    case 'sequence': { const all = []; for (const inner of tree.trees) all.push(yield* run(c, inner)); return all; }
    case 'all': { const values = yield c.df.Task.all(tree.leaves.map((leaf) => task(c, leaf))); return values.map((value, index) => result(tree.leaves[index], value)); }
    case 'any': {
      const rival = tree.rival === 'timer' ? c.df.createTimer(later(c, 600000)) : c.df.waitForExternalEvent('never');
      const mine = task(c, tree.leaf);
      const winner = yield c.df.Task.any([mine, rival]);
      if (tree.rival === 'timer') rival.cancel();
      return winner === mine ? result(tree.leaf, mine.result) : 'the rival won';
    }
    case 'broken': try { yield c.df.callActivity('broken', { program: program(c), what: 'broken ' + tree.id }); return 'not thrown'; } catch { return 'caught ' + tree.id; }
    default: return result(tree, yield task(c, tree));
  }
}
df.app.orchestration('tree', function* (c) {
  const { tree, rounds } = c.df.getInput();
  const value = yield* run(c, tree);
  if (rounds > 0) { c.df.continueAsNew({ tree, rounds: rounds - 1 }); return; }
  return value;
});
`;
