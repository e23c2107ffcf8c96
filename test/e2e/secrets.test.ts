import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { instanceProperties } from '../../local/demo/requests.ts';
import { setSecret } from './key-vault.ts';
import { tracesOf } from './traces.ts';
import { backUp, errorCodes, openWorkspace, protect, recoveryPoints } from './workspace.ts';
import type { Workspace } from './workspace.ts';

const target = inject('target');

describe('a secret that does not fit', () => {
  let work: Workspace;

  beforeAll(async () => {
    work = await openWorkspace('secret', 2);
    await protect(work);
  });
  afterAll(() => work?.drop());

  const secretName = (): string => String(work.source.secretUri.split('/').at(-1));

  it('fails the job with a named error when its password is wrong, and leaves no recovery point', async () => {
    const wrong = `wrong-${work.canary}`;
    await setSecret(target, secretName(), work.adoNet(wrong));
    const job = await backUp(work);
    expect(job.status).toBe('Failed');
    expect(errorCodes(job)).toEqual(['UserErrorDBUserAuthFailed']);
    expect(JSON.stringify(job.properties)).not.toContain(wrong);
    expect(await recoveryPoints(work)).toEqual([]);
  });

  it('fails the job with a named error, without echoing it, when it is no connection string', async () => {
    await setSecret(target, secretName(), `postgres://somebody:${work.canary}@127.0.0.1/db`);
    const job = await backUp(work);
    expect(errorCodes(job)).toEqual(['UserErrorSecretValueInUnsupportedFormat']);
    expect(JSON.stringify(job.properties)).not.toContain(work.canary);
  });

  it('is read anew at each run, so a corrected one works at once', async () => {
    await setSecret(target, secretName(), work.adoNet(work.canary));
    const job = await backUp(work);
    expect(job.status, JSON.stringify(job.properties)).toBe('Completed');
  });

  it('is refused by validation when it does not exist', async () => {
    const place = { ...work.source, database: 'another', secretUri: `${target.keyVaultUrl}/secrets/there-is-none` };
    const properties = instanceProperties(place, `${work.vault}/backupPolicies/weekly`);
    const accepted = await work.api.call('POST', `${work.vault}/validateForBackup`, { backupInstance: properties });
    await expect(work.api.finish(accepted)).rejects.toMatchObject({ code: 'UserErrorInvalidSecret' });
  });

  it('has left no password anywhere', async () => {
    expect(await tracesOf(target, work.canary)).toEqual([]);
  });
});
