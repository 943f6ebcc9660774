import { agentLosses, lossWords } from '../../record/agent-losses.js';
import type { Measurement } from '../../record/run.js';
import type { Phase, Scenario } from '../../scenarios/scenario.js';

type Hosts = Measurement['hosts'];
type Phases = readonly { name: string; startSeconds: number }[];
type RateChanges = NonNullable<Measurement['rateChanges']>;

/** Known less well than this, a clock shifts what is drawn by more than anybody would overlook. */
const NOTEWORTHY_MS = 50;

/**
 * What remained after each loss of a run that went on: clients, and the share and rate of what was asked.
 * @param phases as they were, seconds since the run began
 * @param rateChanges what somebody set by hand instead of the rates of the scenario
 */
export function remainingNotes(
  hosts: Hosts,
  scenario: Scenario,
  phases: Phases,
  rateChanges: RateChanges = [],
): string[] {
  const { count } = scenario.clients;
  let remaining = count;
  return agentLosses(hosts).map((loss) => {
    remaining -= loss.clients;
    const share = remaining / count;
    const phase = phases.findLast(({ startSeconds }) => startSeconds <= loss.toSeconds);
    const changed = rateChanges.findLast(
      (change) => change.phase === phase?.name && change.atSeconds <= loss.toSeconds,
    );
    const planned = scenario.phases.find(({ name }) => name === phase?.name);
    const rate = changed?.perSecond ?? plannedRate(planned, loss.toSeconds - (phase?.startSeconds ?? 0));
    const inPhase =
      rate > 0
        ? ` (${Math.round(rate * share)} of ${Math.round(rate)} messages/s in the phase ${phase?.name})`
        : '';
    return (
      `${lossWords(loss)}; ${remaining} of ${count} clients remained, ` +
      `and with them ${percent(share)} of every rate${inPhase}`
    );
  });
}

/** Of a ramp, what it had come to after so many seconds of its phase. */
function plannedRate(phase: Phase | undefined, seconds: number): number {
  if (!phase) return 0;
  const { messageRate: from, messageRateTo: to = from, durationMs } = phase;
  return from + (to - from) * Math.min(1, Math.max(0, (seconds * 1000) / durationMs));
}

/** Where the clocks of machines are known less well than what is drawn by them; empty: they are known well enough. */
export function clockNotes(hosts: Hosts): string[] {
  const doubtful = hosts
    .flatMap(({ name, clock }) =>
      clock ? [{ name, doubtMs: clock.uncertaintyMs + Math.abs(clock.driftMs ?? 0) }] : [],
    )
    .filter(({ doubtMs }) => doubtMs >= NOTEWORTHY_MS)
    .sort((one, other) => other.doubtMs - one.doubtMs);
  const [worst] = doubtful;
  if (!worst) return [];
  const others = doubtful.length - 1;
  const whose =
    others === 0
      ? `the clock of ${worst.name} is known to`
      : `the clocks of ${worst.name} and ${others} more are known to`;
  return [
    `${whose} ±${Math.round(worst.doubtMs)} ms${others > 0 ? ' at worst' : ''}: the seconds of the timeline, and when ` +
      'phases and actions began there, may be off by as much; no latency is, as each begins and ends on one clock',
  ];
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}
