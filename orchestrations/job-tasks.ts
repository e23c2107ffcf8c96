/** Sub-tasks of a job, in their order. The first carries the name that Azure Backup gives the whole; the others are ours. */
export const backupTask = {
  trigger: 'Trigger Backup',
  check: 'Check source database',
  dump: 'Dump and upload',
  commit: 'Commit recovery point',
} as const;

export const restoreTask = {
  trigger: 'Trigger Restore',
  check: 'Check target',
  restore: 'Restore and verify',
} as const;

export const taskNames = { Backup: Object.values(backupTask), Restore: Object.values(restoreTask) };
