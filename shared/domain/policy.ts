/** What a backup policy means, once its ARM JSON has been checked. */

export type Weekday = 'Monday' | 'Tuesday' | 'Wednesday' | 'Thursday' | 'Friday' | 'Saturday' | 'Sunday';

/** One `R/<start>/P1W` entry: every week at the local time of `start` in the schedule's zone, from `start` on. */
export interface WeeklyInterval {
  /** Start instant, ISO UTC. */
  start: string;
}

export interface Schedule {
  intervals: readonly WeeklyInterval[];
  /** IANA zone; the ARM name (Windows or IANA) is kept in the stored properties. */
  timeZone: string;
}

/** When a scheduled backup qualifies for a tag (ScheduleBasedBackupCriteria). */
export interface TagCriterion {
  absolute?: readonly ('AllBackup' | 'FirstOfDay' | 'FirstOfWeek' | 'FirstOfMonth' | 'FirstOfYear')[];
  daysOfTheWeek?: readonly Weekday[];
  weeksOfTheMonth?: readonly ('First' | 'Second' | 'Third' | 'Fourth' | 'Last')[];
  monthsOfYear?: readonly string[];
  daysOfMonth?: readonly { date?: number; isLast?: boolean }[];
  /** ISO instants whose local time of day must match. */
  scheduleTimes?: readonly string[];
}

export interface TaggingRule {
  tag: string;
  /** Lower wins: yearly 10, monthly 15, weekly 20, default 99. */
  priority: number;
  isDefault: boolean;
  criteria: readonly TagCriterion[];
}

export interface Lifecycle {
  store: 'VaultStore' | 'ArchiveStore';
  /** ISO 8601 duration, `P3M`. */
  deleteAfter: string;
  copyTo?: { store: 'VaultStore' | 'ArchiveStore'; when: 'OnExpiry' | 'Immediate' | { after: string } };
}

export interface RetentionRule {
  name: string;
  isDefault: boolean;
  lifecycles: readonly Lifecycle[];
}

export interface BackupPolicy {
  /** Name of the AzureBackupRule, which an on-demand backup must give. */
  backupRuleName: string;
  schedule: Schedule;
  tagging: readonly TaggingRule[];
  retention: readonly RetentionRule[];
}
