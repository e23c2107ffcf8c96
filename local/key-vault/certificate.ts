import { X509Certificate as NodeCertificate, createPrivateKey, randomBytes } from 'node:crypto';
import type { webcrypto } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { writePrivateFile } from '../services/state-file.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const VALID_DAYS = 397;
const RENEW_BEFORE_DAYS = 30;

export interface ServerCertificate {
  /** The authority's certificate, for NODE_EXTRA_CA_CERTS. */
  readonly caFile: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * The certificate for 127.0.0.1 and localhost, kept in the directory and made anew a month before it ends. The key of
 * the authority that signed it is never written: nothing else can be signed by what the app is told to trust.
 */
export async function loadServerCertificate(directory: string): Promise<ServerCertificate> {
  const caFile = path.join(directory, 'ca.pem');
  const certFile = path.join(directory, 'server.pem');
  const keyFile = path.join(directory, 'server.key');
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map(readIfPresent));
  if (ca !== undefined && cert !== undefined && key !== undefined && isUsable(ca, cert, key)) {
    return { caFile, ca, cert, key };
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const made = await makeCertificate();
  await writePrivateFile(keyFile, made.key);
  await writePrivateFile(certFile, made.cert);
  await writePrivateFile(caFile, made.ca);
  return { caFile, ...made };
}

/** False for files that do not belong together, which is what a crash between their writes leaves. */
function isUsable(ca: string, cert: string, key: string): boolean {
  const [authority, server] = [new NodeCertificate(ca), new NodeCertificate(cert)];
  const renewAt = server.validToDate.getTime() - RENEW_BEFORE_DAYS * DAY_MS;
  return server.verify(authority.publicKey) && server.checkPrivateKey(createPrivateKey(key)) && Date.now() < renewAt;
}

async function makeCertificate(): Promise<Omit<ServerCertificate, 'caFile'>> {
  const generate = (): Promise<webcrypto.CryptoKeyPair> =>
    crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const [authorityKeys, serverKeys] = [await generate(), await generate()];
  const notBefore = new Date(Date.now() - DAY_MS);
  const notAfter = new Date(notBefore.getTime() + VALID_DAYS * DAY_MS);
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(16).toString('hex'),
    name: 'CN=LTR Vault local authority',
    notBefore,
    notAfter,
    keys: authorityKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  });
  const server = await x509.X509CertificateGenerator.create({
    serialNumber: randomBytes(16).toString('hex'),
    subject: 'CN=127.0.0.1',
    issuer: authority.subject,
    notBefore,
    notAfter,
    publicKey: serverKeys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        { type: 'dns', value: 'localhost' },
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  });
  const key = await crypto.subtle.exportKey('pkcs8', serverKeys.privateKey);
  return {
    ca: `${authority.toString('pem')}\n`,
    cert: `${server.toString('pem')}\n`,
    key: x509.PemConverter.encode(key, 'PRIVATE KEY') + '\n',
  };
}

async function readIfPresent(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
