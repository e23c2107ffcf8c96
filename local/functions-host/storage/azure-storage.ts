import { odata, TableClient, type TransactionAction, type TableEntity } from '@azure/data-tables';
import { BlobServiceClient, type BlockBlobClient, type BlobLeaseClient } from '@azure/storage-blob';
import {
  ConcurrentChangeError,
  LeaseLostError,
  type Cell,
  type HostStorage,
  type HubLease,
  type LeaseHolder,
  type PayloadBlobs,
  type Row,
  type RowChange,
  type StateTable,
} from './host-storage.ts';

const leaseSeconds = 15;
const developmentAccount =
  'DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;' +
  'AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;' +
  'BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;' +
  'TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;';

/** Expands `UseDevelopmentStorage=true` to the emulator's well-known account. */
export function expandConnectionString(connectionString: string): string {
  return /UseDevelopmentStorage=true/i.test(connectionString) ? developmentAccount : connectionString;
}

/** Opens table `<hub>LocalHost` and container `<hub>-localhost` of the account; nothing is created before `prepare()`. */
export function openAzureStorage(connectionString: string, hub: string): HostStorage {
  const account = expandConnectionString(connectionString);
  const tables = TableClient.fromConnectionString(account, `${hub}LocalHost`, {
    allowInsecureConnection: true,
    retryOptions: { maxRetries: 3, retryDelayInMs: 200, maxRetryDelayInMs: 2_000 },
  });
  const service = BlobServiceClient.fromConnectionString(account, {
    retryOptions: { maxTries: 3, retryDelayInMs: 200, maxRetryDelayInMs: 2_000 },
  });
  const container = service.getContainerClient(`${hub.toLowerCase()}-localhost`);
  return {
    table: new AzureTable(tables),
    blobs: new AzureBlobs((name) => container.getBlockBlobClient(name)),
    lease: new AzureLease(container.getBlockBlobClient('host.lease')),
    prepare: async () => {
      await Promise.all([tables.createTable(), container.createIfNotExists()]);
    },
  };
}

function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

function toRow(entity: Record<string, unknown>): Row {
  const { partitionKey, rowKey, etag, timestamp: _timestamp, ...rest } = entity;
  const cells: Record<string, Cell> = {};
  for (const [key, value] of Object.entries(rest)) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') cells[key] = value;
  }
  return { partitionKey: String(partitionKey), rowKey: String(rowKey), etag: String(etag), cells };
}

function toEntity(row: Row): TableEntity {
  return { partitionKey: row.partitionKey, rowKey: row.rowKey, ...row.cells };
}

function toAction(change: RowChange): TransactionAction {
  switch (change.kind) {
    case 'insert':
      return ['create', toEntity(change.row)];
    case 'replace':
      return ['update', toEntity(change.row), 'Replace', { etag: change.etag }];
    case 'upsert':
      return ['upsert', toEntity(change.row), 'Replace'];
    case 'delete':
      return ['delete', { partitionKey: change.partitionKey, rowKey: change.rowKey }];
  }
}

function writtenTag(change: RowChange, etag: string | undefined): [string, string][] {
  return change.kind === 'delete' || etag === undefined ? [] : [[change.row.rowKey, etag.trim()]];
}

class AzureTable implements StateTable {
  readonly #client: TableClient;

  constructor(client: TableClient) {
    this.#client = client;
  }

  async get(partitionKey: string, rowKey: string): Promise<Row | undefined> {
    try {
      return toRow(await this.#client.getEntity(partitionKey, rowKey));
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  partition(partitionKey: string): Promise<Row[]> {
    return this.#query(odata`PartitionKey eq ${partitionKey}`);
  }

  withRowKey(rowKey: string): Promise<Row[]> {
    return this.#query(odata`RowKey eq ${rowKey}`);
  }

  async write(changes: RowChange[]): Promise<Map<string, string>> {
    try {
      const [only] = changes;
      if (only !== undefined && changes.length === 1) return await this.#writeOne(only);
      const response = await this.#client.submitTransaction(changes.map(toAction));
      // Answers come in the order of the changes; not all name their row.
      return new Map(changes.flatMap((change, index) => writtenTag(change, response.subResponses[index]?.etag)));
    } catch (error) {
      const status = statusOf(error);
      if (status === 412 || status === 409)
        throw new ConcurrentChangeError('a row was changed elsewhere', { cause: error });
      throw error;
    }
  }

  async #writeOne(change: RowChange): Promise<Map<string, string>> {
    if (change.kind === 'delete') {
      try {
        await this.#client.deleteEntity(change.partitionKey, change.rowKey);
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
      }
      return new Map();
    }
    const entity = toEntity(change.row);
    const written =
      change.kind === 'insert'
        ? await this.#client.createEntity(entity)
        : change.kind === 'upsert'
          ? await this.#client.upsertEntity(entity, 'Replace')
          : await this.#client.updateEntity(entity, 'Replace', { etag: change.etag });
    return new Map(written.etag === undefined ? [] : [[change.row.rowKey, written.etag]]);
  }

  async #query(filter: string): Promise<Row[]> {
    const rows: Row[] = [];
    for await (const entity of this.#client.listEntities({ queryOptions: { filter } })) rows.push(toRow(entity));
    return rows;
  }
}

class AzureBlobs implements PayloadBlobs {
  readonly #blob: (name: string) => BlockBlobClient;

  constructor(blob: (name: string) => BlockBlobClient) {
    this.#blob = blob;
  }

  async put(name: string, text: string): Promise<void> {
    await this.#blob(name).uploadData(Buffer.from(text, 'utf8'));
  }

  async get(name: string): Promise<string> {
    return (await this.#blob(name).downloadToBuffer()).toString('utf8');
  }

  async remove(name: string): Promise<void> {
    await this.#blob(name).deleteIfExists();
  }
}

class AzureLease implements HubLease {
  readonly #blob: BlockBlobClient;
  #lease: BlobLeaseClient | undefined;

  constructor(blob: BlockBlobClient) {
    this.#blob = blob;
  }

  async tryAcquire(holder: LeaseHolder): Promise<boolean> {
    if (!(await this.#blob.exists())) await this.#createBlob();
    const lease = this.#blob.getBlobLeaseClient();
    try {
      await lease.acquireLease(leaseSeconds);
    } catch (error) {
      if (statusOf(error) === 409) return false;
      throw error;
    }
    this.#lease = lease;
    const text = JSON.stringify(holder);
    await this.#blob.upload(text, Buffer.byteLength(text), { conditions: { leaseId: lease.leaseId } });
    return true;
  }

  async holder(): Promise<LeaseHolder | undefined> {
    const text = (await this.#blob.downloadToBuffer()).toString('utf8');
    return text === '' ? undefined : (JSON.parse(text) as LeaseHolder);
  }

  async breakNow(): Promise<void> {
    try {
      await this.#blob.getBlobLeaseClient().breakLease(0);
    } catch (error) {
      // 409: it expired or was released in the meantime, which is what was wanted.
      if (statusOf(error) !== 409) throw error;
    }
  }

  async renew(): Promise<void> {
    try {
      await this.#lease?.renewLease();
    } catch (error) {
      const status = statusOf(error);
      if (status === 409 || status === 412 || status === 404)
        throw new LeaseLostError('another host took the hub', { cause: error });
      throw error;
    }
  }

  async release(): Promise<void> {
    await this.#lease?.releaseLease();
    this.#lease = undefined;
  }

  async #createBlob(): Promise<void> {
    try {
      await this.#blob.upload('', 0, { conditions: { ifNoneMatch: '*' } });
    } catch (error) {
      if (statusOf(error) !== 409 && statusOf(error) !== 412) throw error;
    }
  }
}
