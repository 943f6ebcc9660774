import type { Measurement } from '../record/run.js';
import { RunError } from './run-error.js';

/** Ends of attempts that tell nothing of what the server speaks. */
const WORDLESS: ReadonlySet<string> = new Set(['ConnectTimeout', 'PeerClosed', 'ECONNRESET']);

/** @param unanswered what is known better than that nobody was let in */
export function nobodyLoggedIn(measurement: Measurement, unanswered: readonly string[]): RunError {
  const { failures, failed } = measurement.connections;
  const reasons = Object.entries(failures)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${count} × ${reason}`);
  const isSilent = Object.keys(failures).every((reason) => WORDLESS.has(reason));
  return new RunError(
    'C2M_RUN',
    `no client could log in at ${measurement.target.addresses.join(', ')}: ` +
      (failed === 0 ? 'no attempt ended in time' : reasons.join(', ')) +
      (unanswered.length > 0
        ? `; ${unanswered.join('; ')}`
        : isSilent
          ? `; does the server there speak ${measurement.target.driver?.name}?`
          : ''),
    measurement,
  );
}
