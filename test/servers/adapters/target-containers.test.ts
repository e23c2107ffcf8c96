import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { BlobServiceClient } from '@azure/storage-blob';
import { expect, it } from 'vitest';
import { createTargetContainers } from '../../../shared/adapters/blob/target-containers.ts';
import { describeServers, requireServers } from '../../support/services.ts';

const servers = requireServers();

describeServers('a target container in the configured store', () => {
  const own = () => BlobServiceClient.fromConnectionString(servers.storageConnectionString);
  const containers = () =>
    createTargetContainers(own(), () => {
      throw new Error('The own store is reached by its own client.');
    });
  const name = `target-${randomBytes(6).toString('hex')}`;

  it('is opened by its URL, and written to', async () => {
    await own().createContainer(name);
    const { store, container } = await containers().open(`${servers.blobEndpoint}/${name}`);
    expect(container).toBe(name);
    await store.writeText(container, 'prefix-restore.sh', '#!/bin/sh\n');
    expect(await own().getContainerClient(name).getBlobClient('prefix-restore.sh').exists()).toBe(true);
  });

  it('is never made: a container that is absent is not accessible, and stays absent', async () => {
    await expect(containers().open(`${servers.blobEndpoint}/${name}-absent`)).rejects.toMatchObject({
      code: 'UserErrorContainerNotAccessible',
      facts: { container: `${name}-absent`, detail: '404 ContainerNotFound' },
    });
    expect(await own().getContainerClient(`${name}-absent`).exists()).toBe(false);
  });

  it('is not accessible when the identity is refused', async () => {
    const wrongKey = servers.storageConnectionString.replace(/AccountKey=[^;]+/, `AccountKey=${btoa('canary')}`);
    const refused = createTargetContainers(BlobServiceClient.fromConnectionString(wrongKey), () => {
      throw new Error('The own store is reached by its own client.');
    });
    await expect(refused.open(`${servers.blobEndpoint}/${name}`)).rejects.toMatchObject({
      code: 'UserErrorContainerNotAccessible',
      facts: { container: name, detail: '403 AuthorizationFailure' },
    });
  });

  it('says that a file is taken in words for its owner', async () => {
    const { store, container } = await containers().open(`${servers.blobEndpoint}/${name}/`);
    const stage = () =>
      store.stage(container, 'taken', Readable.from([Buffer.from('x')], { objectMode: false }), {
        signal: new AbortController().signal,
      });
    const [first, second] = [await stage(), await stage()];
    await first.commit();
    await expect(second.commit()).rejects.toMatchObject({ code: 'UserErrorTargetFileAlreadyExists' });
  });
});
