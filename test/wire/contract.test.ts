import { describe, expect, it } from 'vitest';
import { hasReference, loadContract, readReference } from '../support/openapi.ts';

type Json = Record<string, unknown>;

const base = '/subscriptions/s/resourceGroups/g/providers/Microsoft.DataProtection/backupVaults/v';

/** The validators themselves: they must let the contract's own examples pass, and must be able to fail. */
describe.skipIf(!hasReference)('the published contract as validators', () => {
  const contract = hasReference ? loadContract() : undefined;
  const example = (path: string) =>
    readReference(`spec/2024-04-01/examples/${path}.json`) as {
      parameters: Json;
      responses: Record<string, { body?: Json }>;
    };
  const request = (method: string, path: string, body: unknown) => contract?.requestFaults(method, path, body);
  const response = (method: string, path: string, status: number, body: unknown) =>
    contract?.responseFaults(method, path, status, body);

  it.each([
    ['PUT', '/backupPolicies/p', 'PolicyCRUD/CreateOrUpdateBackupPolicy'],
    ['PUT', '/backupInstances/i', 'BackupInstanceOperations/PutBackupInstance'],
    ['POST', '/validateForBackup', 'BackupInstanceOperations/ValidateForBackup'],
    ['POST', '/backupInstances/i/backup', 'BackupInstanceOperations/TriggerBackup'],
    ['POST', '/backupInstances/i/validateRestore', 'BackupInstanceOperations/ValidateRestore'],
    ['POST', '/backupInstances/i/restore', 'BackupInstanceOperations/TriggerRestore'],
    ['POST', '/backupInstances/i/restore', 'BackupInstanceOperations/TriggerRestoreAsFiles'],
    ['POST', '/backupInstances/i/restore', 'BackupInstanceOperations/TriggerRestoreWithRehydration'],
    ['PUT', '', 'VaultCRUD/PutBackupVault'],
    ['PATCH', '', 'VaultCRUD/PatchBackupVault'],
  ])('accept the example request %s %s of %s', (method, path, name) => {
    expect(request(method, `${base}${path}`, example(name).parameters['parameters'])).toEqual([]);
  });

  it.each([
    ['GET', '/backupJobs/j', 'JobCRUD/GetJob'],
    ['GET', '/backupJobs', 'JobCRUD/ListJobs'],
    ['GET', '/backupInstances/i', 'BackupInstanceOperations/GetBackupInstance'],
    ['GET', '/backupInstances/i/recoveryPoints', 'BackupInstanceOperations/ListRecoveryPoints'],
    ['GET', '/deletedBackupInstances/i', 'DeletedBackupInstanceOperations/GetDeletedBackupInstance'],
    ['GET', '/operationStatus/o', 'GetOperationStatusVaultContext'],
    ['GET', '', 'VaultCRUD/GetBackupVault'],
  ])('accept the example answer of %s %s in %s', (method, path, name) => {
    expect(response(method, `${base}${path}`, 200, example(name).responses['200']?.body)).toEqual([]);
  });

  it('refuse a wrong type, a missing property, an unknown discriminator and an undeclared status', () => {
    const restore = example('BackupInstanceOperations/TriggerRestore').parameters['parameters'] as Json;
    const path = `${base}/backupInstances/i/restore`;
    expect(request('POST', path, { ...restore, recoveryPointId: 7 })).not.toEqual([]);
    expect(request('POST', path, { ...restore, recoveryPointId: undefined })).not.toEqual([]);
    expect(request('POST', path, { ...restore, objectType: 'Nonsense' })).not.toEqual([]);
    expect(request('POST', path, { ...restore, restoreTargetInfo: { objectType: 'RestoreTargetInfo' } })).not.toEqual(
      [],
    );
    expect(response('GET', `${base}/backupJobs/j`, 200, { properties: { status: 1 } })).not.toEqual([]);
    expect(response('DELETE', `${base}/backupInstances/i`, 201, {})).not.toEqual([]);
  });
});
