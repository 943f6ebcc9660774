import { damageWords } from '../record/damage.js';
import { formatSeconds } from './format.js';
import type { ReportedRun } from './reported-run.js';
import { explainVerdict, VERDICT_WORDS } from './statement.js';

/** A verdict as reports head themselves with it. */
export interface ShownVerdict {
  word: string;
  kind: 'good' | 'bad' | 'doubtful';
  /** What it means for this run. */
  explanation: string;
}

const KINDS = { passed: 'good', failed: 'bad', invalid: 'doubtful', partial: 'doubtful' } as const;

/**
 * The gates are judged by run.json. Where the files behind it are damaged, nobody can look into what it says, so a run
 * that passed is not shown as passed; one that failed has failed all the same.
 */
export function shownVerdict({
  record,
  damage,
  isGoingOn = false,
}: Pick<ReportedRun, 'record' | 'damage' | 'isGoingOn'>): ShownVerdict {
  if (isGoingOn) {
    const explanation = `What is here was measured in its first ${formatSeconds(record.durationSeconds)}. The gates are judged when it is over.`;
    return { word: 'Running', kind: 'doubtful', explanation };
  }
  const meaning = explainVerdict(record);
  if (damage.length === 0) {
    return { word: VERDICT_WORDS[record.verdict], kind: KINDS[record.verdict], explanation: meaning };
  }
  const words = `The record is damaged: ${damage.map(damageWords).join('; ')}.`;
  if (record.verdict !== 'passed') {
    return {
      word: VERDICT_WORDS[record.verdict],
      kind: KINDS[record.verdict],
      explanation: `${meaning} ${words}`,
    };
  }
  const explanation = `${words} By run.json alone every gate held, but what it rests on cannot be looked into.`;
  return { word: 'Damaged', kind: 'doubtful', explanation };
}
