import { randomBytes, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { z } from 'zod';
import { readStateFile, writeStateFile } from '../services/state-file.ts';

/** The app's own identity: what a managed identity is in Azure. It has no role in the app's API. */
export const APP_PRINCIPAL = 'ltr-vault';

/** App roles of every principal, as an Entra application registration would assign them. */
export const PRINCIPALS = {
  reader: ['Backup.Reader'],
  operator: ['Backup.Operator'],
  contributor: ['Backup.Contributor'],
  nobody: [],
  [APP_PRINCIPAL]: [],
} as const satisfies Record<string, readonly string[]>;

export type PrincipalName = keyof typeof PRINCIPALS;
export const PRINCIPAL_NAMES = Object.keys(PRINCIPALS) as PrincipalName[];

const principal = z.object({ clientSecret: z.string().min(20), objectId: z.uuid() });
const stateSchema = z.object({
  tenantId: z.uuid(),
  /** What a caller of the managed-identity endpoint proves itself with. */
  identityHeader: z.string().min(20),
  cookieKey: z.string().min(20),
  signingKey: z.looseObject({ kty: z.literal('RSA'), kid: z.string(), alg: z.literal('RS256'), use: z.literal('sig') }),
  principals: z.record(z.enum(PRINCIPAL_NAMES), principal),
});

/** Everything that must stay the same over a restart, so that tokens and clients stay valid. */
export type IdentityState = z.infer<typeof stateSchema>;

/** Reads the state, or makes and writes a new one (file mode 0600). */
export async function loadIdentityState(file: string): Promise<IdentityState> {
  const existing = await readStateFile(file, stateSchema);
  if (existing !== undefined) return existing;
  const state = await newState();
  await writeStateFile(file, state);
  return state;
}

async function newState(): Promise<IdentityState> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const key = await exportJWK(privateKey);
  const principals = Object.fromEntries(
    PRINCIPAL_NAMES.map((name) => [name, { clientSecret: secret(), objectId: randomUUID() }]),
  );
  return stateSchema.parse({
    tenantId: randomUUID(),
    identityHeader: secret(),
    cookieKey: secret(),
    signingKey: { ...key, kid: await calculateJwkThumbprint(key), alg: 'RS256', use: 'sig' },
    principals,
  });
}

const secret = (): string => randomBytes(32).toString('base64url');
