import { randomUUID } from 'node:crypto';
import type { Cell, PayloadBlobs } from './host-storage.ts';

/** A table string property holds 64 KiB of UTF-16, so 32,768 characters; the rest of the row is small. */
const inlineLimit = 30_000;

/** Writes JSON texts into cells, and those above a property's limit into blobs that the cells name. */
export class Payloads {
  readonly #blobs: PayloadBlobs;

  constructor(blobs: PayloadBlobs) {
    this.#blobs = blobs;
  }

  /** The blob is written before the row that names it: a crash in between leaves an unnamed blob, never a dangling name. */
  async put(cells: Record<string, Cell>, name: string, text: string | null, folder: string): Promise<void> {
    if (text === null) return;
    if (text.length <= inlineLimit) {
      cells[name] = text;
      return;
    }
    const blob = `${folder}/${randomUUID()}`;
    await this.#blobs.put(blob, text);
    cells[`${name}Blob`] = blob;
  }

  async get(cells: Record<string, Cell>, name: string): Promise<string | null> {
    const inline = cells[name];
    if (typeof inline === 'string') return inline;
    const blob = cells[`${name}Blob`];
    return typeof blob === 'string' ? this.#blobs.get(blob) : null;
  }

  async removeAll(blobs: Iterable<string>): Promise<void> {
    for (const blob of blobs) await this.#blobs.remove(blob);
  }
}

/** @returns the blobs a row's cells name */
export function blobsOf(cells: Record<string, Cell>): string[] {
  return Object.entries(cells).flatMap(([name, value]) =>
    name.endsWith('Blob') && typeof value === 'string' ? [value] : [],
  );
}
