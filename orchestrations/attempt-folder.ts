import { pointFolder } from '../shared/domain/names.ts';
import type { BackupRun } from './contracts.ts';

/** Blob folder of one attempt: `<instance>/<point>-<attempt>/`. */
export const attemptFolder = (run: BackupRun, attemptId: string): string =>
  pointFolder(run.instance.instanceName, run.pointId, attemptId);
