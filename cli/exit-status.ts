import type { RunRecord } from '../record/run.js';

/** Exit statuses of c2m, the same for every command. docs/scenario.md explains them. */
export const ExitStatus = {
  /** Every gate held. */
  Passed: 0,
  /** The run could not be completed, or proves nothing. */
  Incomplete: 1,
  /** The input was wrong, and nothing was started. */
  WrongInput: 2,
  GateFailed: 99,
  Interrupted: 130,
} as const;

export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

/** Takes the status that a command ends with. */
export type Finish = (status: ExitStatus) => void;

/** An invalid run counts as one that could not be completed: its figures would flatter the server. */
export function statusOfVerdict(verdict: RunRecord['verdict']): ExitStatus {
  switch (verdict) {
    case 'passed':
      return ExitStatus.Passed;
    case 'failed':
      return ExitStatus.GateFailed;
    case 'invalid':
      return ExitStatus.Incomplete;
    case 'partial':
      return ExitStatus.Interrupted;
  }
}

/** Errors whose cause is what was typed or written, not what happened. */
const INPUT_CODES = new Set([
  'C2M_INPUT',
  'C2M_INPUT_FILE',
  'C2M_SCENARIO',
  'C2M_GATE',
  'C2M_RECORD',
  'C2M_SERVER_CONFIG',
  'C2M_NODE_NAME',
]);

/** The status for an error, by its code. */
export function statusOfError(error: unknown): ExitStatus {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && INPUT_CODES.has(code) ? ExitStatus.WrongInput : ExitStatus.Incomplete;
}

/** What to show for an error: its message where it was made for people, its stack where it is a fault of c2m. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? error.message : (error.stack ?? error.message);
}
