import * as df from 'durable-functions';
import { errorRecord } from '../shared/domain/errors.ts';
import { createAdmitRun } from './activities/admit-run.ts';
import { createCheckSource, createValidateBackup } from './activities/check-source.ts';
import { createCloseRun } from './activities/close-run.ts';
import { createCommitRecoveryPoint } from './activities/commit-recovery-point.ts';
import type { ActivityDependencies } from './activities/dependencies.ts';
import { createDiscardAttempt } from './activities/discard-attempt.ts';
import { createDumpDatabase } from './activities/dump-database.ts';
import { createFinishOperation } from './activities/finish-operation.ts';
import { createOpenBackup, createOpenRestore } from './activities/open-run.ts';
import { createConfigureProtection, createDeleteInstance } from './activities/protection.ts';
import { createRestoreDatabase } from './activities/restore-database.ts';
import { createRestoreFiles } from './activities/restore-files.ts';
import { createCheckRestoreTarget, createValidateRestore } from './activities/restore-target.ts';
import type { Activities, ActivityInput, ActivityName, ActivityOutput } from './contracts.ts';
import { orchestrationNames } from './contracts.ts';
import { failureError } from './failures.ts';
import { runBackup } from './run-backup.ts';
import { runOperation } from './run-operation.ts';
import { runRestore } from './run-restore.ts';

export type ActivityHandlers = { [N in ActivityName]: (input: ActivityInput<N>) => Promise<ActivityOutput<N>> };

/** Every activity, made of the ports it needs. */
export const createActivities = (needs: ActivityDependencies): ActivityHandlers => ({
  'open-backup': createOpenBackup(needs),
  'check-source': createCheckSource(needs),
  'admit-run': createAdmitRun(needs),
  'dump-database': createDumpDatabase(needs),
  'commit-recovery-point': createCommitRecoveryPoint(needs),
  'discard-attempt': createDiscardAttempt(needs),
  'close-run': createCloseRun(needs),
  'open-restore': createOpenRestore(needs),
  'check-restore-target': createCheckRestoreTarget(needs),
  'restore-database': createRestoreDatabase(needs),
  'restore-files': createRestoreFiles(needs),
  'validate-backup': createValidateBackup(needs),
  'configure-protection': createConfigureProtection(needs),
  'delete-instance': createDeleteInstance(needs),
  'validate-restore': createValidateRestore(needs),
  'finish-operation': createFinishOperation(needs),
});

/** Binds orchestrators and activities to the Functions host. */
export function registerOrchestrations(needs: ActivityDependencies): void {
  df.app.orchestration(orchestrationNames.backup, runBackup);
  df.app.orchestration(orchestrationNames.restore, runRestore);
  df.app.orchestration(orchestrationNames.operation, runOperation);
  const activities = createActivities(needs);
  const register = <N extends ActivityName>(name: N): void => {
    df.app.activity(name, { handler: scrubbed<N>(name, activities[name], needs) });
  };
  (Object.keys(activities) as ActivityName[]).forEach((name) => register(name));
}

/** Errors reach Durable's history, so nothing but the named record leaves an activity; the original goes to the log, scrubbed. */
function scrubbed<N extends ActivityName>(
  name: N,
  handler: (input: Activities[N]['input']) => Promise<Activities[N]['output']>,
  { log }: Pick<ActivityDependencies, 'log'>,
) {
  return async (input: Activities[N]['input'], context: { invocationId: string }): Promise<Activities[N]['output']> => {
    try {
      return await handler(input);
    } catch (error) {
      log.error(`activity ${name} failed`, error, { invocation: context.invocationId });
      throw failureError(errorRecord(error, context.invocationId));
    }
  };
}
