import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { readmeFile, sectionOf, tables } from './readme-tables.ts';

describe('README.md', async () => {
  const readme = await readFile(readmeFile, 'utf8');

  for (const [name, make] of Object.entries(tables)) {
    it(`lists ${name} exactly as the code has them`, () => {
      expect(sectionOf(readme, name)).toBe(make());
    });
  }

  it('names only npm scripts that exist', async () => {
    const { scripts } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, script = '']) => script);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });

  it('names every variable that the end-to-end suite reads', async () => {
    const source = await readFile(new URL('../e2e/target.ts', import.meta.url), 'utf8');
    const read = [...new Set([...source.matchAll(/E2E_[A-Z_]+/g)].map(([variable]) => variable))];
    expect(read.length).toBeGreaterThan(5);
    expect(read.filter((variable) => !readme.includes(`\`${variable}\``))).toEqual([]);
  });
});
