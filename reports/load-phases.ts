import type { RunRecord } from '../record/run.js';

/** A phase of the scenario, with what the scenario asked for in it; `connect` and `drain` are the lab's own. */
export interface LoadPhase {
  name: string;
  startSeconds: number;
  endSeconds: number;
  /** Messages that fell due a second; of a ramp, as it began; null: the record does not tell. */
  messageRate: number | null;
  /** Of a ramp, at its end; null: it is none. */
  messageRateTo: number | null;
  /** Share of the connections that were cut as it began. */
  cut: number;
  /** Where at least three phases in a row ask for more each: which of them this is. */
  step: { number: number; of: number; rateBefore: number | null } | null;
}

/** Two phases that differ make no staircase. */
const LEAST_STEPS = 3;

/** The phases in which there was load, in order. */
export function loadPhases(record: RunRecord): LoadPhase[] {
  const planned = plannedPhases(record);
  const phases = record.phases
    .filter(({ name }) => name !== 'connect' && name !== 'drain')
    .map(({ name, startSeconds, endSeconds }): LoadPhase => {
      const plan = planned.get(name);
      const { messageRate = null, messageRateTo = null, cut = 0 } = plan ?? {};
      return { name, startSeconds, endSeconds, messageRate, messageRateTo, cut, step: null };
    });
  nameSteps(phases);
  return phases;
}

/** Of the whole run, the lab's own phases included. */
export function phaseAt(record: RunRecord, seconds: number): string | null {
  const phase = record.phases.find(
    ({ startSeconds, endSeconds }) => seconds > startSeconds && seconds <= endSeconds,
  );
  return phase?.name ?? null;
}

/** The phase that began within the second that ends then; undefined: none did. */
export function phaseBegunBy(record: RunRecord, seconds: number): RunRecord['phases'][number] | undefined {
  return record.phases.find(
    ({ startSeconds }) => startSeconds > 0 && startSeconds < seconds && startSeconds > seconds - 1,
  );
}

type PlannedPhase = Pick<LoadPhase, 'messageRate' | 'messageRateTo' | 'cut'>;

/** The scenario as it ran is plain data that nobody has checked: what it does not hold is not told. */
function plannedPhases(record: RunRecord): Map<string, PlannedPhase> {
  const { phases } = record.scenario.resolved as { phases?: unknown };
  const planned = new Map<string, PlannedPhase>();
  for (const phase of Array.isArray(phases) ? phases : []) {
    const { name, messageRate, messageRateTo, cut } = (phase ?? {}) as Record<string, unknown>;
    if (typeof name !== 'string') continue;
    planned.set(name, {
      messageRate: typeof messageRate === 'number' ? messageRate : null,
      messageRateTo: typeof messageRateTo === 'number' ? messageRateTo : null,
      cut: typeof cut === 'number' ? cut : 0,
    });
  }
  return planned;
}

/** A ramp is no step. */
function stepRate(phase: LoadPhase | undefined): number | null {
  return phase?.messageRateTo === null ? phase.messageRate : null;
}

function nameSteps(phases: LoadPhase[]): void {
  let first = 0;
  for (let next = 1; next <= phases.length; next += 1) {
    const [before, rate] = [stepRate(phases[next - 1]), stepRate(phases[next])];
    if (before !== null && rate !== null && rate > before) continue;
    const steps = phases.slice(first, next);
    if (steps.length >= LEAST_STEPS) {
      steps.forEach((phase, index) => {
        const rateBefore = steps[index - 1]?.messageRate ?? null;
        phase.step = { number: index + 1, of: steps.length, rateBefore };
      });
    }
    first = next;
  }
}
