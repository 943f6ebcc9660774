import type { RunRecord } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import { type LoadPhase, loadPhases, phaseBegunBy } from '../load-phases.js';
import { isInWake, type Recovery, recoveriesOf } from '../recovery.js';
import { countSymptoms, generatorSymptoms, symptomsWithoutTime } from './count-symptoms.js';
import { type CpuLoad, ceilingSince, cpuAt } from './cpu.js';
import { judgedGates } from './gate-limits.js';
import { calmLevelMs, latencySymptoms } from './latency-symptoms.js';
import { type LimitUse, limitUses } from './near-limits.js';
import { queueSymptoms, waitsForReaders } from './queue-symptoms.js';
import type { Symptom } from './symptom.js';

/** What broke first in a run, as far as its record tells; `sentences.ts` has the words for it. */
export interface FirstBreak {
  /** The earliest that no action of the scenario came before; null: nothing left its range by itself. */
  first: BreakScene | null;
  /** What else left its range by itself, by time, one of a kind. */
  later: Symptom[];
  /** What followed actions of the scenario, one of a kind for each action. */
  afterActions: { action: Recovery; symptoms: Symptom[] }[];
  /** What the sums of the run show and no second of the timeline. */
  withoutTime: Symptom[];
  /** What had a limit, that of which most was used first. */
  uses: LimitUse[];
  recoveries: Recovery[];
  /** False: there is no timeline, so that no second can be told. */
  isTimelineKnown: boolean;
}

/** A symptom with what was around it in that second. */
export interface BreakScene extends Symptom {
  /** Its phase, where that is one with load. */
  load: LoadPhase | null;
  /** Messages that fell due a second then. */
  duePerSecond: number | null;
  cpu: CpuLoad | null;
  /** The end of the first second from which on the host had no core left; null: it had, or it is not known. */
  ceilingSinceSeconds: number | null;
  /** The longest then. */
  queue: { name: string; length: number; threshold: number | null } | null;
}

/** Looks at every second of a run for the first thing that left its normal range, and at what came near its limit. */
export function firstBreakOf(record: RunRecord, samples: readonly TimelineSample[]): FirstBreak {
  const gates = judgedGates(record);
  const recoveries = recoveriesOf(record, samples);
  const calm = { accepted: calmLevelMs(samples, 'accepted'), delivered: calmLevelMs(samples, 'delivered') };
  const stretches = stretchesOf(samples, recoveries).map(({ action, samples: own }) => ({
    action,
    symptoms: [
      ...latencySymptoms(own, gates, calm),
      ...countSymptoms(record, own, gates),
      ...queueSymptoms(record, own, gates),
      ...generatorSymptoms(record, own),
    ],
  }));
  const of = (action: Recovery | undefined): Symptom[] =>
    oneOfAKind(stretches.filter((each) => each.action === action).flatMap(({ symptoms }) => symptoms));
  const alone = of(undefined);
  return {
    first: alone[0] ? sceneOf(record, samples, alone[0]) : null,
    later: alone.slice(1),
    afterActions: recoveries
      .map((action) => ({ action, symptoms: of(action) }))
      .filter(({ symptoms }) => symptoms.length > 0),
    withoutTime: symptomsWithoutTime(record),
    uses: limitUses(record, samples, gates),
    recoveries,
    isTimelineKnown: samples.length > 0,
  };
}

/** Seconds in a row that all follow the same action, or none. */
interface Stretch {
  action: Recovery | undefined;
  samples: TimelineSample[];
}

function stretchesOf(samples: readonly TimelineSample[], recoveries: readonly Recovery[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const sample of samples) {
    const action = recoveries.findLast((recovery) => isInWake(recovery, sample.t));
    const last = stretches.at(-1);
    if (last && last.action === action) last.samples.push(sample);
    else stretches.push({ action, samples: [sample] });
  }
  return stretches;
}

/** Did anything leave its range, or come near its limit? Only then is there something to be said of what breaks next. */
export function cameNearLimit({ first, afterActions, withoutTime, uses }: FirstBreak): boolean {
  return first !== null || afterActions.length + withoutTime.length > 0 || uses.some(({ isNear }) => isNear);
}

/** By time; the first of each kind and thing. */
function oneOfAKind(symptoms: readonly Symptom[]): Symptom[] {
  const kinds = new Set<string>();
  const byTime = [...symptoms].sort((one, other) => (one.atSeconds ?? 0) - (other.atSeconds ?? 0));
  return byTime.filter(({ kind, what }) => {
    const isNew = !kinds.has(`${kind} ${what}`);
    kinds.add(`${kind} ${what}`);
    return isNew;
  });
}

function sceneOf(record: RunRecord, samples: readonly TimelineSample[], symptom: Symptom): BreakScene {
  // An alert has a time of its own, between the samples: the second that holds it is the one that ends behind it.
  const index = samples.findIndex(({ t }) => t >= (symptom.atSeconds ?? 0));
  const sample = samples[index];
  // Told of is the phase that the headline names.
  const phase =
    (symptom.atSeconds !== null && phaseBegunBy(record, symptom.atSeconds)?.name) || symptom.phase;
  const since = index < 0 ? undefined : ceilingSince(record, samples, index);
  return {
    ...symptom,
    load: loadPhases(record).find(({ name }) => name === phase) ?? null,
    duePerSecond: sample && sample.seconds > 0 ? sample.messages.due / sample.seconds : null,
    cpu: sample ? cpuAt(record, samples, index) : null,
    ceilingSinceSeconds: since === undefined ? null : (samples[since]?.t ?? null),
    queue: sample ? longestQueue(record, samples, sample) : null,
  };
}

function longestQueue(
  record: RunRecord,
  samples: readonly TimelineSample[],
  { server, t }: TimelineSample,
): BreakScene['queue'] {
  const [longest] = Object.entries(server?.queues ?? {})
    .filter(([name, length]) => !name.includes('#') && length > 0 && !waitsForReaders(name, samples, t))
    .sort(([, one], [, other]) => other - one);
  if (!longest) return null;
  const [name, length] = longest;
  const threshold = record.backlog.queues.find((queue) => queue.name === name)?.threshold ?? null;
  return { name, length, threshold };
}
