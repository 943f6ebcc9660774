import type { RunRecord } from '../record/run.js';
import { formatRatio } from './format.js';
import { loadPhases } from './load-phases.js';

/** Something that the scenario did to the server or to its clients, so that what follows is no surprise. */
export interface Intervention {
  atSeconds: number;
  /** `kill-server`, `cut 10 %`. */
  label: string;
}

/** The actions of a run, and the connections that it cut as a phase began; by time. */
export function interventionsOf(record: RunRecord): Intervention[] {
  const cuts = loadPhases(record)
    .filter(({ cut }) => cut > 0)
    .map(({ startSeconds, cut, name }) => ({
      atSeconds: startSeconds,
      label: `cut ${formatRatio(cut)} as ${name} began`,
    }));
  // Another rate is another load: what gives way under it gives way, and nothing comes back from it.
  // And the end of an action belongs to it, as does what a cluster did about it.
  const actions = record.marks.filter(
    (mark) => !mark.isEnd && !mark.isOfCluster && !isRateChange(record, mark),
  );
  return [...actions, ...cuts].sort((one, other) => one.atSeconds - other.atSeconds);
}

function isRateChange({ rateChanges = [] }: RunRecord, { atSeconds, label }: Intervention): boolean {
  return label.startsWith('rate ') && rateChanges.some((change) => change.atSeconds === atSeconds);
}
