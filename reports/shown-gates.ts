import type { RunRecord } from '../record/run.js';
import { gateValue } from './statement.js';

/** A gate as reports show it. */
export interface ShownGate {
  expression: string;
  /** With its unit, or why there is none. */
  value: string;
  /** `empty`: it holds, and only because nothing happened that could have broken it. */
  state: 'passed' | 'failed' | 'empty';
  word: string;
}

const WORDS = { passed: 'passed', failed: 'failed', empty: 'says nothing: nobody logged in' } as const;

/** The gates, those that failed first: they are what one looks for. */
export function shownGates(record: RunRecord): ShownGate[] {
  const shown = record.gates.map((gate): ShownGate => {
    const state = !gate.passed ? 'failed' : record.connections.peak === 0 ? 'empty' : 'passed';
    return { expression: gate.expression, value: gateValue(gate), state, word: WORDS[state] };
  });
  return [
    ...shown.filter(({ state }) => state === 'failed'),
    ...shown.filter(({ state }) => state !== 'failed'),
  ];
}
