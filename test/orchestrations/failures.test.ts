import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Durable } from '../../orchestrations/contracts.ts';
import { failureError, failureOf } from '../../orchestrations/failures.ts';
import type { ErrorCode, ErrorRecord } from '../../shared/domain/errors.ts';
import { errorCatalogue } from '../../shared/domain/error-catalogue.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import { SteppedOrchestration } from '../support/orchestration-stepper.ts';
import { startedAt } from './runs.ts';

const codes = Object.keys(errorCatalogue) as ErrorCode[];
/** Anything PostgreSQL or a caller can put into a message, our own marker included. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('ltr-failure:e30;', 'ltr-failure:', 'ltr-failure:AAAA;x', '";\\"\n\\\\', '\ud800'),
  fc
    .tuple(fc.string(), fc.constantFrom('ltr-failure:bm9uZQ;', 'ltr-failure:'), fc.string())
    .map((parts) => parts.join('')),
);
const record: fc.Arbitrary<ErrorRecord> = fc.record({
  code: fc.constantFrom(...codes),
  message: text,
  recommendedAction: text,
  retryable: fc.boolean(),
  target: text,
});

/** What an orchestrator catches of an error that went through the host's text and the replay executor. */
async function caught(error: Error): Promise<unknown> {
  const run = await SteppedOrchestration.start(
    function* (context): Durable<unknown> {
      try {
        return yield context.df.callActivity('close-run', {});
      } catch (thrown) {
        return failureOf(thrown);
      }
    },
    {},
    startedAt,
  );
  await run.fail('close-run', error);
  return run.ended && 'output' in run.ended ? run.ended.output : run.ended;
}

it('keeps every field of a failure through the wrapping text of the host, whatever the message says', async () => {
  await fc.assert(
    fc.asyncProperty(record, async (failure) => {
      expect(await caught(failureError(failure))).toEqual(failure);
    }),
    { numRuns: 200 },
  );
});

it('gives the same record when it is thrown on and caught again', () => {
  fc.assert(
    fc.property(record, (failure) => {
      expect(failureOf(failureError(failureOf(failureError(failure))))).toEqual(failure);
    }),
  );
});

it.each([
  ['a killed worker', 'node exited with code 137 (0x89)'],
  ['a function that timed out', 'Timeout value of 00:00:20 was exceeded by function: Functions.dump-database'],
  ['a marker with nothing in it', 'ltr-failure:e30;'],
  ['a marker that is not JSON', 'ltr-failure:AAAA;'],
  ['a marker with a code of nobody', `ltr-failure:${Buffer.from('{"code":"constructor"}').toString('base64url')};`],
])('takes an error that is not an activity of ours for a lost attempt: %s', async (_, message) => {
  expect(await caught(new Error(message))).toMatchObject({ code: 'AttemptLost', retryable: true, target: '' });
});

it('says code and text first, for people who read the history', () => {
  const error = failureError(new VaultError('UserErrorDBNotFound').toRecord());
  expect(error.message).toMatch(/^UserErrorDBNotFound: \S/);
  expect(error.stack).toBe(error.message);
});
