import type { RunRecord } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import { formatCount, formatFigure, formatSeconds, plural } from '../format.js';
import { escapeHtml, icon } from '../html/markup.js';
import { alertSentence } from '../statement.js';
import type { LiveAgents, LivePhase, LivePlan } from './live-plan.js';

/** A run at a moment, as far as it has told. */
export interface LiveMoment {
  plan: LivePlan;
  phase: LivePhase | undefined;
  /** Of all phases until now. */
  begun: ReadonlySet<string>;
  agents: LiveAgents | undefined;
  sample: TimelineSample | undefined;
  record: RunRecord | undefined;
  isOver: boolean;
  nowMs: number;
}

/** More would push the charts off the screen; the section on queues has all. */
const ALERTS_TOLD = 3;
const LOSSES_TOLD = 3;

/** What a screen reader says by itself: no more than which phase it is. */
export function phaseSentence({ plan, phase, isOver }: LiveMoment): string {
  const which = plan.words === null ? '' : `, ${plan.words}`;
  if (isOver) return escapeHtml(`${plan.scenario}${which}: over`);
  if (!phase) return escapeHtml(`${plan.scenario}${which}: starting`);
  const length = phase.seconds === null ? '' : ` for ${formatSeconds(phase.seconds)}`;
  return `${escapeHtml(`${plan.scenario}${which}: phase `)}<strong>${escapeHtml(phase.name)}</strong>${length}`;
}

/** How far it is, and the figures of its last second. */
export function progressBlock(moment: LiveMoment): string {
  const { plan, agents, sample, isOver } = moment;
  const facts: [string, string][] = [];
  if (sample && !isOver) {
    const { connections, messages, latency, seconds, server, generator } = sample;
    const perSecond = (count: number): string => formatFigure(Math.round(count / seconds), 'perSecond');
    facts.push(
      ['Open', `${formatCount(connections.open)} of ${formatCount(plan.clients)}`],
      ['Sent', perSecond(messages.sent)],
      ['Delivered', perSecond(messages.delivered)],
      ['In flight', formatCount(messages.inFlight)],
      ['Delivered, p99', formatFigure(latency.delivered?.p99, 'ms')],
      ['CPU', `${formatFigure(server?.cpu, 'cores')} server, ${generator.cpu.toFixed(2)} agents`],
    );
  }
  if (agents && (agents.agents > 1 || agents.hosts > 1 || agents.lost.length > 0))
    facts.push(['Agents', agentWords(agents)]);
  const list =
    facts.length === 0
      ? ''
      : `<dl class="facts">${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`).join('')}</dl>`;
  return phaseList(moment) + list;
}

function agentWords({ agents, hosts, lost }: LiveAgents): string {
  const all = `${formatCount(agents)} on ${plural(hosts, 'host')}`;
  return lost.length === 0 ? all : `${formatCount(agents - lost.length)} of ${all}`;
}

/** Connect, the phases of the scenario, drain; that which goes on with how far it is. */
function phaseList({ plan, phase, begun, isOver, nowMs }: LiveMoment): string {
  const names = ['connect', ...plan.phases.map(({ name }) => name), 'drain'];
  const items = names.map((name) => {
    if (isOver || name !== phase?.name) {
      const [state, words] = begun.has(name)
        ? ['done', 'done']
        : isOver
          ? ['left-out', 'left out']
          : ['to-come', 'to come'];
      return `<li class="${state}">${escapeHtml(name)}<span class="unseen">, ${words}</span></li>`;
    }
    const { seconds, sinceMs } = phase;
    const elapsed = (nowMs - sinceMs) / 1000;
    const left = seconds === null ? '' : ` <span>${Math.max(0, Math.ceil(seconds - elapsed))} s left</span>`;
    const bar =
      seconds === null
        ? ''
        : `<progress max="${seconds}" value="${Math.min(seconds, elapsed).toFixed(1)}" aria-label="phase ${escapeHtml(name)}"></progress>`;
    return `<li aria-current="step">${escapeHtml(name)}${left}${bar}</li>`;
  });
  return `<ol class="steps" aria-label="Phases">${items.join('')}</ol>`;
}

/** What somebody who looks away must hear of: queues past their thresholds, agents that are lost. */
export function alertBlock({ agents, record, isOver }: LiveMoment): string {
  if (isOver) return '';
  const losses = (agents?.lost ?? []).map(
    ({ agent, host, why }) => `agent ${agent} on ${host} is lost: ${why}`,
  );
  const alerts = (record?.backlog.alerts ?? []).map(alertSentence);
  const items = [
    ...newest(losses, LOSSES_TOLD).map((words) => `<li>${icon('bad')}${escapeHtml(words)}.</li>`),
    ...newest(alerts, ALERTS_TOLD).map((words) => `<li>${icon('doubtful')}${escapeHtml(words)}.</li>`),
  ];
  const more = Math.max(0, losses.length - LOSSES_TOLD) + Math.max(0, alerts.length - ALERTS_TOLD);
  if (more > 0) items.push(`<li>and ${formatCount(more)} before these</li>`);
  return items.length === 0 ? '' : `<ul class="losses">${items.join('')}</ul>`;
}

function newest(words: readonly string[], most: number): string[] {
  return words.slice(-most).reverse();
}
