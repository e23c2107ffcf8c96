import { cancelJob, getJob, listJobs } from './http/backup-jobs.ts';
import {
  deleteInstance,
  getDeletedInstance,
  getInstance,
  listDeletedInstances,
  listInstances,
} from './http/backup-instances.ts';
import { backupNow, validateForBackup } from './http/instance-actions.ts';
import { putInstance } from './http/put-backup-instance.ts';
import { getRecoveryPoint, listRecoveryPoints, listScheduleSlots } from './http/recovery-points.ts';
import { findRestorableTimeRanges, restore, validateRestore } from './http/restores.ts';
import { act, ask, read, write } from './route.ts';
import type { Route } from './route.ts';
import { deleted, instance, jobs, points, vault } from './route-templates.ts';

/** Instances with their recovery points, and jobs. */

const [reader, operator, contributor] = ['Backup.Reader', 'Backup.Operator', 'Backup.Contributor'] as const;

export const instanceRoutes: readonly Route[] = [
  write(
    'instances-put',
    'PUT',
    instance,
    contributor,
    'backupVaults/backupInstances/write',
    'Configure protection',
    putInstance,
  ),
  act(
    'instances-delete',
    'DELETE',
    instance,
    contributor,
    'backupVaults/backupInstances/delete',
    'End protection, keeping the data',
    deleteInstance,
  ),
  read(
    'instances-get',
    'GET',
    instance,
    reader,
    'backupVaults/backupInstances/read',
    'Read a backup instance',
    getInstance,
  ),
  read(
    'instances-list',
    'GET',
    `${vault}/backupInstances`,
    reader,
    'backupVaults/backupInstances/read',
    'List backup instances',
    listInstances,
  ),
  read(
    'deleted-get',
    'GET',
    `${deleted}/{backupInstanceName}`,
    reader,
    'backupVaults/deletedBackupInstances/read',
    'Read a deleted instance',
    getDeletedInstance,
  ),
  read(
    'deleted-list',
    'GET',
    deleted,
    reader,
    'backupVaults/deletedBackupInstances/read',
    'List deleted instances',
    listDeletedInstances,
  ),
  write(
    'instances-validate',
    'POST',
    `${vault}/validateForBackup`,
    operator,
    'backupVaults/validateForBackup/action',
    'Check before protecting',
    validateForBackup,
  ),
  write(
    'instances-backup',
    'POST',
    `${instance}/backup`,
    operator,
    'backupVaults/backupInstances/backup/action',
    'Back up now',
    backupNow,
  ),
  write(
    'restores-validate',
    'POST',
    `${instance}/validateRestore`,
    operator,
    'backupVaults/backupInstances/validateRestore/action',
    'Check before restoring',
    validateRestore,
  ),
  write(
    'restores-start',
    'POST',
    `${instance}/restore`,
    operator,
    'backupVaults/backupInstances/restore/action',
    'Restore',
    restore,
  ),
  ask(
    'restores-ranges',
    'POST',
    `${instance}/findRestorableTimeRanges`,
    reader,
    'backupVaults/backupInstances/findRestorableTimeRanges/action',
    'Find time ranges',
    findRestorableTimeRanges,
  ),
  read(
    'points-get',
    'GET',
    `${points}/{recoveryPointId}`,
    reader,
    'backupVaults/backupInstances/recoveryPoints/read',
    'Read a recovery point',
    getRecoveryPoint,
  ),
  read(
    'points-list',
    'GET',
    points,
    reader,
    'backupVaults/backupInstances/recoveryPoints/read',
    'List recovery points',
    listRecoveryPoints,
  ),
  read(
    'slots-list',
    'GET',
    `${instance}/scheduleSlots`,
    reader,
    'backupVaults/backupInstances/scheduleSlots/read',
    'List the outcome of every slot',
    listScheduleSlots,
  ),
];

export const jobRoutes: readonly Route[] = [
  read('jobs-get', 'GET', `${jobs}/{jobId}`, reader, 'backupVaults/backupJobs/read', 'Read a job', getJob),
  read('jobs-list', 'GET', jobs, reader, 'backupVaults/backupJobs/read', 'List jobs', listJobs),
  act(
    'jobs-cancel',
    'POST',
    `${jobs}/{jobId}/cancel`,
    operator,
    'backupVaults/backupJobs/cancel/action',
    'Cancel a job',
    cancelJob,
  ),
];
