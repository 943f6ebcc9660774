import type { RunRecord } from '../../record/run.js';
import { formatCount, formatFigure, formatMoment, formatRatio } from '../format.js';
import { phaseBegunBy } from '../load-phases.js';
import { isJudged } from '../statement.js';
import { LEAST_OTHERS } from './cpu.js';
import type { BreakScene, FirstBreak } from './first-break.js';
import { hostCpu, type LimitUse } from './near-limits.js';
import type { Symptom } from './symptom.js';

/** The answer to "what broke first?", as every report gives it. */
export interface BreakWords {
  /** One sentence. */
  headline: string;
  /** More sentences: what was around it, what came after, what was near its limit. */
  details: string[];
  isBroken: boolean;
}

const LATER_TOLD = 3;
const ACTIONS_TOLD = 3;
const NEAR_TOLD = 3;

/** What gave way first, in plain sentences; where nothing did, what was nearest to its limit. */
export function breakWords(record: RunRecord, found: FirstBreak): BreakWords {
  const { first, later, afterActions, withoutTime, uses, isTimelineKnown } = found;
  const near = uses.filter(({ isNear }) => isNear);
  const nothingByItself = {
    headline: nothingWords(record, found),
    details: [...afterWords(found), ...nearWords(near.slice(near[0] === uses[0] && isSilent(found) ? 1 : 0))],
    isBroken: afterActions.length + withoutTime.length > 0,
  };
  if (!isTimelineKnown) {
    const headline = 'The record holds no timeline, so nobody can say what gave way first.';
    return {
      headline,
      details: [...wholeWords(withoutTime), ...nearWords(near)],
      isBroken: withoutTime.length > 0,
    };
  }
  if (!first) return nothingByItself;
  return {
    headline: firstWords(record, first),
    details: [
      ...sceneWords(first),
      ...laterWords(record, later, first.phase),
      ...wholeWords(withoutTime),
      ...afterWords({ ...found, withoutTime: [] }),
      // That the CPU had no more to give is part of the scene.
      ...nearWords(near.filter(({ what }) => first.ceilingSinceSeconds === null || what !== hostCpu(record))),
    ],
    isBroken: true,
  };
}

function isSilent({ afterActions, withoutTime }: FirstBreak): boolean {
  return afterActions.length + withoutTime.length === 0;
}

function firstWords(record: RunRecord, scene: BreakScene): string {
  // Whoever set the gates says what giving way means; where all held, less is claimed.
  const claim = record.verdict === 'passed' ? 'First to leave its normal range' : 'First to give way';
  return `${claim}: ${scene.what}${whenWords(record, scene)}: ${scene.how}.`;
}

function whenWords(record: RunRecord, { atSeconds, phase }: Symptom, told: string | null = null): string {
  if (atSeconds === null) return '';
  // A second belongs to the phase that had the greater part of it; that another one began in it matters more.
  const begun = phaseBegunBy(record, atSeconds);
  const isTold = phase === null || phase === told;
  const where = begun ? `, as the phase ${begun.name} began` : isTold ? '' : `, in the phase ${phase}`;
  return ` at ${formatMoment(atSeconds)}${where}`;
}

function sceneWords({
  load,
  duePerSecond,
  cpu,
  ceilingSinceSeconds,
  queue,
  atSeconds,
}: BreakScene): string[] {
  const sentences: string[] = [];
  if (load?.step) {
    const { number, of, rateBefore } = load.step;
    const before = rateBefore === null ? '' : `; the step before, ${formatCount(rateBefore)}/s, held`;
    sentences.push(`That is step ${number} of ${of}, ${formatCount(load.messageRate ?? 0)}/s${before}.`);
  } else if (duePerSecond !== null && duePerSecond > 0) {
    const ramp =
      load?.messageRate != null && load.messageRateTo !== null
        ? `, on the way from ${formatCount(load.messageRate)}/s to ${formatCount(load.messageRateTo)}/s`
        : '';
    sentences.push(`${formatCount(Math.round(duePerSecond))} messages/s fell due then${ramp}.`);
  }
  if (cpu) {
    const users = [
      ...(cpu.server === null ? [] : [`server ${cpu.server.toFixed(2)}`]),
      ...(cpu.areAgentsHere ? [`agents ${cpu.agents.toFixed(2)}`] : []),
      ...(cpu.others !== null && cpu.others >= LEAST_OTHERS ? [`others ${cpu.others.toFixed(2)}`] : []),
      ...(cpu.host === null
        ? []
        : [
            `${cpu.areAgentsHere ? 'the whole host' : 'the coordinator’s whole host'} ${cpu.host.toFixed(2)}`,
          ]),
    ];
    const ceiling =
      ceilingSinceSeconds === null
        ? ''
        : ceilingSinceSeconds < (atSeconds ?? 0) - 1
          ? `; it had been at its ceiling since ${formatMoment(ceilingSinceSeconds)}`
          : '; that is its ceiling';
    const here =
      users.length === 0 ? [] : [`${users.join(', ')} of ${formatFigure(cpu.cores, 'cores')}${ceiling}`];
    const elsewhere = cpu.areAgentsHere ? [] : [`agents ${cpu.agents.toFixed(2)}, on their own machines`];
    sentences.push(`CPU then: ${[...here, ...elsewhere].join('; ')}.`);
  }
  if (queue) {
    const threshold = queue.threshold === null ? '' : ` of a threshold of ${formatCount(queue.threshold)}`;
    sentences.push(`The longest queue then was ${queue.name}, ${formatCount(queue.length)}${threshold}.`);
  }
  return sentences;
}

/** @param phase of the first, which need not be told again */
function laterWords(record: RunRecord, later: readonly Symptom[], phase: string | null): string[] {
  if (later.length === 0) return [];
  const told = later
    .slice(0, LATER_TOLD)
    .map((each) => `${each.what}${whenWords(record, each, phase)} (${each.how})`);
  const more = later.length > LATER_TOLD ? ` and ${later.length - LATER_TOLD} more` : '';
  return [`After that: ${told.join('; ')}${more}.`];
}

function wholeWords(symptoms: readonly Symptom[]): string[] {
  if (symptoms.length === 0) return [];
  const words = symptoms.map(({ what, how }) => `${what}: ${how}`).join('; ');
  return [`Over the whole run, with no second that could be named: ${words}.`];
}

function nothingWords(record: RunRecord, found: FirstBreak): string {
  const { uses, withoutTime } = found;
  if (record.connections.peak === 0) return 'Nobody logged in, so nothing was put to the test.';
  const missed = record.gates.filter((gate) => !gate.passed && isJudged(record, gate));
  if (withoutTime.length > 0) return wholeWords(withoutTime)[0] ?? '';
  if (missed.length > 0) {
    return `No second of the timeline shows what gave way; ${missed.length === 1 ? 'the gate' : 'the gates'} ${missed.map(({ expression }) => expression).join(', ')} did not hold.`;
  }
  if (found.afterActions.length > 0) return 'Nothing gave way but what followed the scenario’s own actions.';
  const [nearest] = uses;
  if (!nearest) return 'Nothing gave way.';
  return `Nothing gave way; nearest to its limit was ${useWords(nearest)}.`;
}

/** What followed the scenario's own actions, and how soon. */
function afterWords({ afterActions }: FirstBreak): string[] {
  const told = afterActions.slice(0, ACTIONS_TOLD).map(({ action, symptoms }) => {
    const words = symptoms.slice(0, LATER_TOLD).map(({ what, how }) => `${what}: ${how}`);
    return `After ${action.label} at ${formatMoment(action.atSeconds)}: ${words.join('; ')}.`;
  });
  const more = afterActions.length - ACTIONS_TOLD;
  return more > 0 ? [...told, `And after ${more} more actions; the table of recoveries has all.`] : told;
}

function nearWords(near: readonly LimitUse[]): string[] {
  if (near.length === 0) return [];
  const more = near.length > NEAR_TOLD ? ` and ${near.length - NEAR_TOLD} more` : '';
  return [`Near its limit: ${near.slice(0, NEAR_TOLD).map(useWords).join('; ')}${more}.`];
}

function useWords({ what, how, share }: LimitUse): string {
  return `${what}, ${how} (${formatRatio(share)})`;
}
