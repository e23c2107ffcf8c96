import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { routes } from '../../functions/routes.ts';
import {
  instancePath,
  instanceProperties,
  makeInstance,
  policyBody,
  policyPath,
  restoreBody,
  vaultBody,
  vaultPath,
} from './bodies.ts';
import { useHarness } from './harness.ts';
import type { Json } from './harness.ts';
import { pointAt } from './records.ts';

/** Replaces one value somewhere in a good body, or removes it. */
const mutated = (body: Json) =>
  fc
    .tuple(fc.nat(), fc.oneof(fc.jsonValue(), fc.constant(undefined), fc.string({ unit: 'binary' })))
    .map(([seed, value]) => {
      const copy = structuredClone(body);
      const places: [Json, string][] = [];
      const walk = (node: unknown): void => {
        if (typeof node !== 'object' || node === null) return;
        for (const [key, child] of Object.entries(node)) {
          places.push([node as Json, key]);
          walk(child);
        }
      };
      walk(copy);
      const [parent, key] = places[seed % places.length] ?? [];
      if (parent && key !== undefined) parent[key] = value;
      return copy;
    });

describe('whatever is sent', () => {
  const harness = useHarness();
  const point = pointAt('2026-03-09T00:00:00.000Z');
  const targets: readonly [string, string, Json][] = [
    [
      'PUT',
      vaultPath,
      vaultBody({ securitySettings: { softDeleteSettings: { state: 'Off', retentionDurationInDays: 14 } } }),
    ],
    [
      'PATCH',
      vaultPath,
      {
        tags: { a: 'b' },
        properties: { monitoringSettings: { azureMonitorAlertSettings: { alertsForAllJobFailures: 'Enabled' } } },
      },
    ],
    ['PUT', policyPath, policyBody()],
    ['PUT', `${instancePath}-fuzz`, { tags: { a: 'b' }, properties: instanceProperties() }],
    ['POST', `${vaultPath}/validateForBackup`, { backupInstance: instanceProperties() }],
    [
      'POST',
      `${instancePath}/backup`,
      { backupRuleOptions: { ruleName: 'BackupWeekly', triggerOption: { retentionTagOverride: 'Monthly' } } },
    ],
    ['POST', `${instancePath}/restore`, restoreBody(point.id)],
    ['POST', `${instancePath}/validateRestore`, { restoreRequestObject: restoreBody(point.id) }],
  ];

  it('a body with one value exchanged is accepted or refused in the envelope, never a failure', async () => {
    await makeInstance(harness);
    await harness.catalog.points.publish(point);
    const cases = fc
      .constantFrom(...targets)
      .chain(([method, path, body]) => fc.tuple(fc.constant(method), fc.constant(path), mutated(body)));
    await fc.assert(
      fc.asyncProperty(cases, async ([method, path, body]) => {
        // What is accepted need not fit the contract (casing is loose, nulls are "not sent"), so it is not held to it here.
        const reply = await harness.send(method, path, { bytes: JSON.stringify(body) });
        expect(reply.status, JSON.stringify(reply.body)).toBeLessThan(500);
      }),
      { numRuns: 600 },
    );
  });

  it('any JSON at all is refused in the envelope', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...targets), fc.json(), async ([method, path], bytes) => {
        const reply = await harness.send(method, path, { bytes });
        expect(reply.status, JSON.stringify(reply.body)).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
  });

  it('any path values and query are answered or refused in the envelope', async () => {
    const segment = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 170 }),
      fc.constantFrom(
        'clitest-vault',
        'clitest-rg',
        '!'.repeat(164),
        'İ'.repeat(164),
        'a|b',
        '%2F',
        '..',
        'é',
        '\u{1f600}',
      ),
      fc.uuid(),
    );
    const wild = fc.tuple(
      fc.constantFrom(...routes),
      fc.array(segment, { minLength: 6, maxLength: 6 }),
      fc.string({ unit: 'grapheme', maxLength: 60 }),
    );
    await fc.assert(
      fc.asyncProperty(wild, async ([route, segments, filter]) => {
        let next = 0;
        const template = route.template
          .replace('{subscriptionId}', '00000000-0000-0000-0000-000000000000')
          .replace('{resourceGroupName}', 'clitest-rg');
        const path = `/${template.replace(/\{\w+\}/g, () => encodeURIComponent(segments[next++] ?? 'x').replaceAll('.', '%2E'))}`;
        const reply = await harness.send(
          route.method,
          `${path}?$filter=${encodeURIComponent(filter)}&$skipToken=${encodeURIComponent(filter)}`,
          { bytes: '{}' },
        );
        expect(reply.status, `${path} ${JSON.stringify(reply.body)}`).toBeLessThan(500);
      }),
      { numRuns: 600 },
    );
  });
});
