import { readFile, writeFile } from 'node:fs/promises';
import { routes } from '../../functions/routes.ts';
import { settings } from '../../shared/config.ts';
import { errorCatalogue } from '../../shared/domain/error-catalogue.ts';

/** The tables of README.md that follow from the code. `node test/shared/readme-tables.ts` writes them; readme.test.ts compares. */

export const readmeFile = new URL('../../README.md', import.meta.url);

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('{{', '{').replaceAll('}}', '}').trim();

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');

/** The vault's own path is the same everywhere: `{vault}`. */
const shortPath = (template: string): string =>
  `/${template}`.replace(
    '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.DataProtection/backupVaults/{vaultName}',
    '{vault}',
  );

export const tables: Readonly<Record<string, () => string>> = {
  errors: () =>
    table(
      ['Code', 'Status', 'Meaning', 'What to do', 'Retried by itself'],
      Object.entries(errorCatalogue).map(([code, { status, message, action, retryable }]) => [
        `\`${code}\``,
        String(status),
        message,
        action,
        retryable ? 'yes' : 'no',
      ]),
    ),
  routes: () =>
    table(
      ['Request', 'Role', 'What it does'],
      routes.map(({ method, template, role, summary }) => [
        `\`${method} ${shortPath(template)}\``,
        role.replace('Backup.', ''),
        summary,
      ]),
    ),
  settings: () =>
    table(
      ['Variable', 'Needed', 'Default', 'Meaning'],
      settings.map(({ name, required, default: value, meaning, secret }) => [
        `\`${name}\``,
        required === true ? 'yes' : required === false ? 'no' : required,
        value === undefined ? '' : `\`${value}\``,
        secret ? `${meaning} Secret.` : meaning,
      ]),
    ),
};

const begin = (name: string): string => `<!-- ${name}: written from the code -->`;
const end = (name: string): string => `<!-- end of ${name} -->`;

/** The text between the two marks of a table. @throws Error when the marks are missing */
export function sectionOf(readme: string, name: string): string {
  const [, rest] = readme.split(begin(name));
  const [section, after] = rest?.split(end(name)) ?? [];
  if (section === undefined || after === undefined) throw new Error(`README.md has no section "${name}"`);
  return section.trim();
}

async function rewrite(): Promise<void> {
  let text = await readFile(readmeFile, 'utf8');
  for (const [name, make] of Object.entries(tables)) {
    const old = sectionOf(text, name);
    const [head = '', tail = ''] = text.split(begin(name));
    text = `${head}${begin(name)}\n\n${make()}\n\n${end(name)}${tail.slice(tail.indexOf(end(name)) + end(name).length)}`;
    if (old !== make()) console.log(`${name}: rewritten`);
  }
  await writeFile(readmeFile, text);
}

if (import.meta.main) await rewrite();
