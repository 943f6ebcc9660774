import { type Damage, damageWords } from '../record/damage.js';
import type { RunRecord } from '../record/run.js';
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
export function shownVerdict(record: RunRecord, damage: readonly Damage[]): ShownVerdict {
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
