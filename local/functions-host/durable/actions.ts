/** Numbers of durable-functions' ActionType. */
export const ActionType = {
  CallActivity: 0,
  CallActivityWithRetry: 1,
  CallSubOrchestrator: 2,
  CallSubOrchestratorWithRetry: 3,
  ContinueAsNew: 4,
  CreateTimer: 5,
  WaitForExternalEvent: 6,
  CallEntity: 7,
  CallHttp: 8,
  SignalEntity: 9,
  WhenAny: 11,
  WhenAll: 12,
  LockEntities: 13,
  ReleaseEntities: 14,
} as const;

export interface RetryOptions {
  firstRetryIntervalInMilliseconds: number;
  maxNumberOfAttempts: number;
  backoffCoefficient?: number;
  maxRetryIntervalInMilliseconds?: number;
}

/** One action as durable-functions returns it. */
export interface OrchestratorAction {
  actionType: number;
  functionName?: string;
  input?: unknown;
  retryOptions?: RetryOptions;
  instanceId?: string;
  version?: string;
  fireAt?: string;
  isCanceled?: boolean;
  compoundActions?: OrchestratorAction[];
}

/** What an orchestrator function returned for one turn. */
export interface OrchestratorResult {
  isDone: boolean;
  actions: OrchestratorAction[][];
  output?: unknown;
  error?: string;
  customStatus?: unknown;
}

const unsupported: ReadonlyMap<number, string> = new Map([
  [ActionType.CallEntity, 'Durable entities are'],
  [ActionType.SignalEntity, 'Durable entities are'],
  [ActionType.LockEntities, 'Entity locks are'],
  [ActionType.ReleaseEntities, 'Entity locks are'],
  [ActionType.CallHttp, 'context.df.callHttp is'],
]);

/** Actions that take a sequence number, in the order the replayer numbers them: depth first through when-all and when-any. */
export function leafActions(actions: readonly OrchestratorAction[]): OrchestratorAction[] {
  return actions.flatMap((action) => {
    if (action.compoundActions !== undefined) return leafActions(action.compoundActions);
    const takesNumber =
      action.actionType !== ActionType.WaitForExternalEvent && action.actionType !== ActionType.ContinueAsNew;
    return takesNumber ? [action] : [];
  });
}

/** @returns why this host cannot run an action, undefined when it can */
export function unsupportedReason(action: OrchestratorAction): string | undefined {
  const subject = unsupported.get(action.actionType);
  return subject === undefined ? undefined : `${subject} not supported locally.`;
}

/**
 * Delay before the attempt after `attempt` (1 for the first), as DurableTask.Core's RetryInterceptor computes it. After the last attempt it still
 * sets a timer, for old histories' sake, which fires at once.
 */
export function retryDelayMs(options: RetryOptions, attempt: number): number {
  if (attempt >= options.maxNumberOfAttempts) return 0;
  const delay = options.firstRetryIntervalInMilliseconds * (options.backoffCoefficient ?? 1) ** (attempt - 1);
  return Math.min(delay, options.maxRetryIntervalInMilliseconds ?? Number.MAX_SAFE_INTEGER);
}
