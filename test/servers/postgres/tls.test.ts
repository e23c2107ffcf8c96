import { execFile } from 'node:child_process';
import { chmod, chown, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres } from '../../../local/services/postgres.ts';
import type { RunningPostgres } from '../../../local/services/postgres.ts';
import { createMemoryArchiveStore } from '../../../shared/adapters/memory/archive-store.ts';
import { findClients } from '../../../shared/adapters/postgres/clients.ts';
import { createDumpSource } from '../../../shared/adapters/postgres/dump-source.ts';
import type { Connection, DumpSource } from '../../../shared/ports.ts';
import { Secret } from '../../../shared/secret.ts';
import { describeServers, requireServers } from '../../support/services.ts';
import { createWorkbench, silentLog } from './workbench.ts';

const run = promisify(execFile);
const servers = requireServers();

describeServers('a server that offers TLS with a certificate of a private authority for localhost', () => {
  let directory: string;
  let server: RunningPostgres;
  let trusting: DumpSource;
  let ignorant: DumpSource;
  const archive = createMemoryArchiveStore();

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'ltr-vault-tls-'));
    await chmod(directory, 0o755);
    const openssl = (...args: string[]): Promise<unknown> => run('openssl', args, { cwd: directory });
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    await openssl(
      'req',
      '-x509',
      ...curve,
      '-days',
      '2',
      '-subj',
      '/CN=test authority',
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
    );
    const names = ['-addext', 'subjectAltName=DNS:localhost'];
    await openssl('req', ...curve, '-subj', '/CN=localhost', ...names, '-keyout', 'server.key', '-out', 'server.csr');
    const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy'];
    await openssl('x509', '-req', '-in', 'server.csr', ...signing, '-days', '2', '-out', 'server.crt');
    // The server's key must belong to the account that runs it: the cluster's folder shows which.
    const plain = await startPostgres({ directory: path.join(directory, 'cluster'), password: 'secret-canary' });
    await plain.stop();
    const { uid, gid } = await stat(path.join(directory, 'cluster', 'data'));
    await chown(path.join(directory, 'server.key'), uid, gid);
    await chmod(path.join(directory, 'server.key'), 0o600);
    const settings = {
      ssl: 'on',
      fsync: 'off',
      ssl_cert_file: path.join(directory, 'server.crt'),
      ssl_key_file: path.join(directory, 'server.key'),
    };
    server = await startPostgres({ directory: path.join(directory, 'cluster'), password: 'secret-canary', settings });
    const { binDir } = servers.postgres;
    const clients = { binDirs: [binDir], searchPath: '/usr/bin' };
    await archive.ensureContainer('points');
    trusting = createDumpSource({
      archive,
      log: silentLog,
      clients: await findClients({ ...clients, caFile: path.join(directory, 'ca.crt') }),
    });
    ignorant = createDumpSource({ archive, log: silentLog, clients: await findClients(clients) });
  });
  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const connection = (host: string, sslMode: Connection['sslMode']): Connection => ({
    host,
    port: server.port,
    database: 'postgres',
    user: server.superuser,
    password: new Secret(server.password),
    sslMode,
  });

  test.each<[Connection['sslMode'], string]>([
    ['disable', 'localhost'],
    ['allow', 'localhost'],
    ['prefer', '127.0.0.1'],
    ['require', '127.0.0.1'],
    ['verify-ca', '127.0.0.1'],
    ['verify-full', 'localhost'],
  ])('is checked and dumped with %s by the name %s', async (sslMode, host) => {
    const workbench = await createWorkbench(servers, archive);
    await trusting.check(connection(host, sslMode));
    await trusting.dump(workbench.dumpRequest('postgres', { connection: connection(host, sslMode) }));
  });

  test('is refused with verify-full by a name that its certificate does not hold', async () => {
    await expect(trusting.check(connection('127.0.0.1', 'verify-full'))).rejects.toMatchObject({
      code: 'UserErrorTlsVerificationFailed',
    });
  });

  test.each(['verify-ca', 'verify-full'] as const)(
    'is refused with %s by who does not trust the authority',
    async (mode) => {
      await expect(ignorant.check(connection('localhost', mode))).rejects.toMatchObject({
        code: 'UserErrorTlsVerificationFailed',
      });
    },
  );
});
