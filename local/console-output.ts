import type { WriteStream } from 'node:tty';

/** Lines for a person: numbered steps, details below them, and one line that is rewritten in place while something runs. */
export class ConsoleOutput {
  private readonly stream: NodeJS.WriteStream;
  private steps = 0;
  private open = false;
  private lastPlain = 0;

  constructor(stream: NodeJS.WriteStream = process.stdout) {
    this.stream = stream;
  }

  step(title: string): void {
    this.steps += 1;
    this.line(`\n${this.bold(`${String(this.steps)}. ${title}`)}`);
  }

  detail(text: string): void {
    this.line(`   ${text}`);
  }

  line(text = ''): void {
    this.endProgress();
    this.stream.write(`${text}\n`);
  }

  bold(text: string): string {
    return this.stream.isTTY ? `\u001b[1m${text}\u001b[22m` : text;
  }

  /** On a terminal the line replaces the one before; elsewhere (a log) at most one line in five seconds is written. */
  progress(text: string): void {
    if (this.stream.isTTY) {
      this.stream.write(`\r\u001b[2K   ${text.slice(0, ((this.stream as WriteStream).columns || 80) - 4)}`);
      this.open = true;
    } else if (performance.now() - this.lastPlain > 5000) {
      this.lastPlain = performance.now();
      this.stream.write(`   ${text}\n`);
    }
  }

  /** Ends the line that is rewritten in place, so that what follows starts on its own. */
  private endProgress(): void {
    if (this.open) this.stream.write('\r\u001b[2K');
    this.open = false;
  }
}

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** `12.3 MB`, in powers of 1000. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

export const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

/** `1,234,567`, whatever the machine's language. */
export const thousands = (count: number): string => count.toLocaleString('en-US');
