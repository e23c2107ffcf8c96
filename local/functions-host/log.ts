export type LogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical' | 'none';

export interface HostLog {
  /** One line per step a person follows. */
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  /** Shown with --verbose only. */
  debug(message: string): void;
  /** What the app itself logs through its invocation context. */
  app(level: LogLevel, functionName: string, message: string): void;
}

export interface LogSink {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
}

const colours = { grey: 90, yellow: 33, red: 31, cyan: 36 } as const;

function colourOf(level: LogLevel): keyof typeof colours | undefined {
  if (level === 'warning') return 'yellow';
  if (level === 'error' || level === 'critical') return 'red';
  return level === 'information' ? undefined : 'grey';
}

/** Writes `[time] message` lines; colour only when the sink is a terminal. */
export function createLog(sink: LogSink, verbose: boolean): HostLog {
  const line = (message: string, colour?: keyof typeof colours): void => {
    const time = new Date().toISOString().slice(11, 23);
    const text = `[${time}] ${message}`;
    const painted = colour !== undefined && sink.isTTY === true ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text;
    sink.write(`${painted}\n`);
  };
  return {
    info: (message) => line(message),
    warn: (message) => line(message, 'yellow'),
    error: (message) => line(message, 'red'),
    debug: (message) => {
      if (verbose) line(message, 'grey');
    },
    app: (level, functionName, message) => {
      if (!verbose && (level === 'trace' || level === 'debug')) return;
      line(`  ${functionName}: ${message}`, colourOf(level));
    },
  };
}
