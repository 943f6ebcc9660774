import type { Because, CapacitySearch, CapacityTrial } from '../../record/capacity.js';
import type { RunRecord } from '../../record/run.js';
import { breakWords } from '../first-break/sentences.js';
import { formatMilliseconds } from '../format.js';
import type { ReportedRun } from '../reported-run.js';
import { rankQueues } from '../statement.js';
import { whyWords } from './level-words.js';
import { resourceWords } from './resource.js';

/** Less is the length of one turn of an event loop. */
const LEAST_BEHIND_MS = 10;

/** The trial that tells why the lowest level did not hold that did not: the longest, and of those the last. */
export function breakingTrial({ breaks, trials }: CapacitySearch): CapacityTrial | undefined {
  if (!breaks) return undefined;
  const own = trials.filter(({ level, verdict }) => level === breaks.level && verdict === breaks.verdict);
  return own.findLast(({ length }) => length === 'full') ?? own.at(-1);
}

/** What gave way in that trial. @param run undefined: it has left no record */
export function becauseOf(trial: CapacityTrial, run: ReportedRun | undefined): Because {
  return {
    gates: whyWords(trial) || 'the record does not tell why',
    first: run ? breakWords(run.record, run.firstBreak).headline : null,
    queue: run ? queueWords(run.record) : null,
    resource: run ? resourceWords(run.record, run.samples) : null,
  };
}

/** The queue that fell furthest behind, in a clause. What waits in mailboxes waits for its readers. */
function queueWords(record: RunRecord): string | null {
  const [worst] = rankQueues(record).filter(({ name }) => !name.includes('#') && name !== 'mailboxes');
  if (!worst || typeof worst.behindMs !== 'number' || worst.behindMs < LEAST_BEHIND_MS) return null;
  return `the queue ${worst.name} fell ${formatMilliseconds(worst.behindMs)} behind`;
}
