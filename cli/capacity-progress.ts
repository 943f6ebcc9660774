import { phasesMs } from '../lab/capacity/trial-scenario.js';
import type { TrialObservers } from '../lab/capacity/trial-series.js';
import type { Capacity, ServerSize } from '../record/capacity.js';
import { printable } from '../record/printable.js';
import { LEAST_LEVELS } from '../record/scalability/scalability-confidence.js';
import { trialLine } from '../reports/capacity/capacity-text.js';
import { sizeWords } from '../reports/capacity/conclusion.js';
import { levelWords } from '../reports/capacity/level-words.js';
import { formatSeconds, plural } from '../reports/format.js';
import { ExitStatus } from './exit-status.js';
import type { RecordedRuns, ViewOptions } from './recorded-runs.js';

/** Tells of each trial of a search, and keeps its record. */
export function capacityProgress(
  find: Capacity['find'],
  show: RecordedRuns,
  { json, quiet }: ViewOptions,
): TrialObservers {
  const tell = (words: string): void => {
    if (!quiet) (json ? process.stderr : process.stdout).write(`${printable(words)}\n`);
  };
  return {
    begins: ({ number, level, length, size }, loaded) => {
      const who = size === null ? '' : ` with ${sizeWords(size)}`;
      tell(
        `trial ${number}: ${levelWords(find, level)}${who} for ${formatSeconds(phasesMs(loaded.scenario) / 1000)}`,
      );
      const group = size === null ? {} : { [size.of]: `${size.count}` };
      const about = { trial: `${number}`, level: `${level}`, length };
      return { ...show.observe(loaded, { group, about }), machines: tell };
    },
    recorded: (folder, record) => show.keep(folder, record),
    judged: (trial) => {
      show.endView();
      tell(`  ${trialLine(find, trial)}`);
    },
  };
}

/** Before anything is run: that it will take more levels for a law. */
export function tellOfFewSizes(sizes: readonly ServerSize[]): void {
  const levels = sizes.length;
  if (levels === 0 || levels >= LEAST_LEVELS) return;
  process.stderr.write(
    `--${sizes[0]?.of}: ${plural(levels, 'level')} will tell what holds, and no law over them; that takes at least ${LEAST_LEVELS}\n`,
  );
}

/** A limit that was found is what was asked for; that not even the least holds is a gate that failed. */
export function statusOfCapacity({ searches }: Capacity): ExitStatus {
  const ends = searches.map(({ end }) => end);
  if (ends.includes('least')) return ExitStatus.GateFailed;
  return ends.every((end) => end === 'found' || end === 'most') ? ExitStatus.Passed : ExitStatus.Incomplete;
}
