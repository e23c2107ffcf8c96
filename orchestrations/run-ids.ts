import { createHash, randomBytes } from 'node:crypto';

/** A UUID version 7 (RFC 9562 §5.7) of the given moment, in milliseconds: names a job, and its place in every list. */
export function newJobId(now: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, 6);
  return formatUuid(stamp(bytes));
}

/**
 * The recovery point of a job: 32 hex digits of a UUID version 7 with the job's moment. Derived, so that whoever starts the same
 * run twice asks for the same point.
 */
export function newPointId(jobId: string): string {
  const job = Buffer.from(jobId.replaceAll('-', ''), 'hex');
  const bytes = createHash('sha256').update('recovery point of ').update(job).digest().subarray(0, 16);
  job.copy(bytes, 0, 0, 6);
  return stamp(bytes).toString('hex');
}

function stamp(bytes: Buffer): Buffer {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes;
}

const formatUuid = (bytes: Buffer): string =>
  bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
