import type { Histogram } from 'hdr-histogram-js';
import type { Damage } from '../record/damage.js';
import { inspectTimeline } from '../record/folder.js';
import type { LatencyKind, RunRecord } from '../record/run.js';
import type { TimelineSample } from '../record/timeline.js';
import { type FirstBreak, firstBreakOf } from './first-break/first-break.js';
import { inspectLatencyLog } from './latency-log.js';
import { runName } from './run-name.js';

/** A run as reports are made of it: the files of its record, read once, and what follows from them. */
export interface ReportedRun {
  /** Of the record's folder. */
  name: string;
  record: RunRecord;
  samples: TimelineSample[];
  histograms: Partial<Record<LatencyKind, Histogram>>;
  /** What the folder should hold beside run.json and does not. */
  damage: Damage[];
  firstBreak: FirstBreak;
  /** It is shown while it goes on: nothing of it is judged yet. */
  isGoingOn?: boolean;
}

/** Reads what lies beside run.json. @throws RecordError for a file that is there and cannot be read at all */
export async function readReportedRun(folder: string, record: RunRecord): Promise<ReportedRun> {
  const [timeline, log] = await Promise.all([
    inspectTimeline(folder, record.durationSeconds),
    inspectLatencyLog(folder, record.latency),
  ]);
  return {
    name: runName(folder),
    record,
    samples: timeline.samples,
    histograms: log.histograms,
    damage: [...timeline.damage, ...log.damage],
    firstBreak: firstBreakOf(record, timeline.samples),
  };
}
