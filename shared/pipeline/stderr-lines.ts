import type { Readable } from 'node:stream';

const keptCharacters = 4 * 1024 * 1024;
const longestLine = 64 * 1024;

/** Collects a process's standard error as lines, bounded so that a talkative child cannot fill the memory. */
export class StderrLines {
  readonly lines: string[] = [];
  truncated = false;
  #rest = '';
  #kept = 0;

  constructor(stream: Readable) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => this.#take(text));
    stream.on('end', () => {
      if (this.#rest !== '') this.#keep(this.#rest);
      this.#rest = '';
    });
    // A broken stderr pipe says nothing that the exit status does not say.
    stream.on('error', () => undefined);
  }

  #take(text: string): void {
    const parts = (this.#rest + text).split('\n');
    this.#rest = (parts.pop() ?? '').slice(0, longestLine);
    for (const line of parts) this.#keep(line);
  }

  #keep(line: string): void {
    if (this.#kept + line.length > keptCharacters) {
      this.truncated = true;
      return;
    }
    this.#kept += line.length + 1;
    this.lines.push(line.replace(/\r$/, ''));
  }
}
