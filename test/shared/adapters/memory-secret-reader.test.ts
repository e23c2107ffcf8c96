import { createMemorySecretReader } from '../../../shared/adapters/memory/secret-reader.ts';
import { describeSecretReader } from '../../contracts/secret-reader.ts';

describeSecretReader('memory', async () => {
  const reader = createMemorySecretReader();
  return { reader, vaultUrl: reader.vaultUrl, absentVaultUrl: 'https://other.vault.azure.net', set: reader.set };
});
