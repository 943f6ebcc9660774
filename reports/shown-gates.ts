import type { RunRecord } from '../record/run.js';
import { gateValue, isJudged } from './statement.js';

/** A gate as reports show it. */
export interface ShownGate {
  expression: string;
  /** With its unit, or why there is none. */
  value: string;
  /** `empty`: nothing happened that could have broken it, or the run ended before anything did. */
  state: 'passed' | 'failed' | 'empty';
  word: string;
}

const WORDS = { passed: 'passed', failed: 'failed', empty: 'says nothing: nobody logged in' } as const;

/** How the note of such a gate may begin. */
const NOT_JUDGED = /^not judged: /;
/** What a record says that ends before its run did; one that goes on has not been stopped. */
const UNTIL_STOPPED = / until the run was stopped$/;

/**
 * The gates, those that failed first: they are what one looks for.
 * @param isGoingOn of a run that is not over: in the order of the scenario, as nothing is decided
 */
export function shownGates(record: RunRecord, isGoingOn = false): ShownGate[] {
  const shown = record.gates.map((gate): ShownGate => {
    const { expression } = gate;
    if (isGoingOn) {
      const value = gateValue(gate).replace(NOT_JUDGED, '').replace(UNTIL_STOPPED, ' yet');
      return gate.passed
        ? { expression, value, state: 'passed', word: 'so far' }
        : { expression, value, state: 'empty', word: 'does not hold so far' };
    }
    if (!isJudged(record, gate))
      return {
        expression,
        value: gateValue(gate).replace(NOT_JUDGED, ''),
        state: 'empty',
        word: 'not judged',
      };
    const state = !gate.passed ? 'failed' : record.connections.peak === 0 ? 'empty' : 'passed';
    const hasEndedRun = state === 'failed' && record.aborted?.gate === expression;
    return {
      expression,
      value: gateValue(gate),
      state,
      word: hasEndedRun ? 'ended the run' : WORDS[state],
    };
  });
  return [
    ...shown.filter(({ state }) => state === 'failed'),
    ...shown.filter(({ state }) => state !== 'failed'),
  ];
}
