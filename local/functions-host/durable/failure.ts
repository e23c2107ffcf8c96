/**
 * The texts the real host puts into failed tasks and instances. They nest a serialized .NET exception; what of it is .NET's own
 * (stack frames of the host) is left empty here, what the app can recognise is the same.
 */
export interface TaskFailure {
  Reason: string;
  Details: string;
}

/** Turns whatever was thrown into an error, as the Node worker does before it reports to the host. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  if (thrown === undefined || thrown === null) return new Error('Unknown error');
  if (typeof thrown === 'string') return new Error(thrown);
  return new Error(typeof thrown === 'object' ? JSON.stringify(thrown) : String(thrown));
}

const hresult = -2146233088;

export function activityFailure(name: string, thrown: unknown): TaskFailure {
  const error = toError(thrown);
  const stack = error.stack ?? '';
  // The host cuts the message out of "Exception: <message>\nStack: ...", which keeps the space after the colon.
  const message = ` ${error.message}`;
  const details = {
    $type: 'System.Exception, System.Private.CoreLib',
    ClassName: 'System.Exception',
    Message: message,
    Data: null,
    InnerException: {
      $type: 'Microsoft.Azure.WebJobs.Script.Workers.Rpc.RpcException, Microsoft.Azure.WebJobs.Script',
      IsUserException: false,
      RemoteStackTrace: stack,
      RemoteMessage: error.message,
      RemoteTypeName: null,
      Message: `Result: Failure\nException: ${error.message}\nStack: ${stack}`,
      Data: { $type: 'System.Collections.ListDictionaryInternal, System.Private.CoreLib' },
      InnerException: null,
      HelpLink: null,
      Source: 'System.Private.CoreLib',
      HResult: hresult,
      StackTrace: '',
    },
    HelpURL: null,
    StackTraceString: null,
    RemoteStackTraceString: null,
    RemoteStackIndex: 0,
    ExceptionMethod: null,
    HResult: hresult,
    Source: null,
    WatsonBuckets: null,
  };
  return { Reason: `Activity function '${name}' failed: ${message}`, Details: JSON.stringify(details) };
}

export function orchestratorFailureMessage(name: string, message: string): string {
  return `Orchestrator function '${name}' failed: ${message}`;
}

/** What a parent sees of a failed child. */
export function subOrchestrationFailure(output: string, name: string): TaskFailure {
  const prefix = orchestratorFailureMessage(name, '');
  const message = output.startsWith(prefix) ? output.slice(prefix.length) : output;
  return { Reason: output, Details: `Message: ${message}, StackTrace: ` };
}

export function unknownFunctionMessage(
  name: string,
  kind: 'orchestrator' | 'activity',
  known: readonly string[],
): string {
  const article = kind === 'orchestrator' ? 'an orchestrator' : 'an activity';
  const list = known.map((one) => `'${one}'`).join(', ');
  return (
    `The function '${name}' doesn't exist, is disabled, or is not ${article} function. ` +
    `Additional info: The following are the known ${kind} functions: ${list}.`
  );
}

const stateLabel = '\n\n$OutOfProcData$:';

/** Splits the error durable-functions throws into its message and the state it carries. */
export function orchestratorError(thrown: unknown): { message: string; state: Record<string, unknown> | undefined } {
  const { message } = toError(thrown);
  const cut = message.indexOf(stateLabel);
  if (cut < 0) return { message, state: undefined };
  const state = JSON.parse(message.slice(cut + stateLabel.length)) as Record<string, unknown>;
  // durable-functions names no error when what was thrown has no message.
  const text = typeof state['error'] === 'string' ? state['error'] : 'The orchestrator threw what is not an Error.';
  return { message: text, state };
}
