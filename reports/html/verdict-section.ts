import type { RunRecord } from '../../record/run.js';
import { agentsOf } from '../agents/agent-hosts.js';
import { type BreakWords, breakWords } from '../first-break/sentences.js';
import {
  formatBytes,
  formatCount,
  formatFigure,
  formatMilliseconds,
  formatSeconds,
  NOT_MEASURED,
  plural,
} from '../format.js';
import { foldNotes, noteWords } from '../notes.js';
import type { ReportedRun } from '../reported-run.js';
import { runTitle } from '../run-name.js';
import { shownGates } from '../shown-gates.js';
import { shownVerdict } from '../shown-verdict.js';
import {
  backlogSentence,
  groupsSentence,
  kernelName,
  ledgerSentence,
  tooFewForMemory,
} from '../statement.js';
import { escapeHtml, icon } from './markup.js';

/** What one looks for first: what ran, whether it held, what broke first, and each gate with its value. */
export function verdictSection(run: ReportedRun): string {
  const { record, firstBreak, isGoingOn = false } = run;
  const { word, kind, explanation } = shownVerdict(run);
  const look = isGoingOn ? 'going' : kind;
  const { title, subtitle } = runTitle(run.name, record);
  const scenario = subtitle === '' ? '' : `<span class="scenario">${escapeHtml(subtitle)}</span>`;
  return `<section class="hero panel">
  <div class="claim">
    <h1>${escapeHtml(title)} ${scenario}</h1>
    <p class="description">${escapeHtml(record.description)}</p>
    <p class="verdict ${look}">${icon(look)}<strong>${word}</strong></p>
    <p>${escapeHtml(explanation)}</p>
    ${breakBlock(breakWords(isGoingOn ? withoutOpenGates(record) : record, firstBreak))}
  </div>
  <div class="gates">
    <h2>Gates</h2>
    ${gateList(record, isGoingOn)}
    <p class="quiet">${escapeHtml([ledgerSentence(record), groupsSentence(record) ?? ''].join(' ').trim())}</p>
    ${factList(record)}
  </div>
</section>
${noteSection(record)}`;
}

/** A gate that does not hold yet may hold at the end, as when clients still connect. */
function withoutOpenGates(record: RunRecord): RunRecord {
  return { ...record, gates: record.gates.filter(({ passed }) => passed) };
}

/** The answer to "what broke first?": the sentence that counts, and what is around it. */
function breakBlock({ headline, details, isBroken }: BreakWords): string {
  const items = details.map((sentence) => `<li>${escapeHtml(sentence)}</li>`).join('');
  const list = items === '' ? '' : `<ul>${items}</ul>`;
  return `<div class="first-break${isBroken ? ' broken' : ''}"><p>${escapeHtml(headline)}</p>${list}</div>`;
}

function factList(record: RunRecord): string {
  const facts: [string, string][] = [
    ['Started', `${record.startedAt.slice(0, 19).replace('T', ' ')} UTC`],
    ['Took', formatSeconds(record.durationSeconds)],
    ['Target', targetWords(record)],
  ];
  return `<dl class="facts">${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`).join('')}</dl>`;
}

function targetWords({ target }: RunRecord): string {
  const where =
    target.addresses.length > 2 ? `${target.addresses.length} addresses` : target.addresses.join(', ');
  if (target.kind === 'external') return where;
  return `${target.kind === 'embedded' ? 'the reference server' : 'started by the lab'} at ${where}`;
}

const GATE_ICONS = { passed: 'good', failed: 'bad', empty: 'doubtful' } as const;

function gateList(record: RunRecord, isGoingOn: boolean): string {
  if (record.gates.length === 0) return '<p class="quiet">The scenario sets none.</p>';
  const items = shownGates(record, isGoingOn).map(({ expression, value, state, word }) => {
    const kind = GATE_ICONS[state];
    return `<li class="${kind}">${icon(kind)}<code>${escapeHtml(expression)}</code><span class="value">${escapeHtml(value)}</span><span class="word">${word}</span></li>`;
  });
  return `<ul>${items.join('')}</ul>`;
}

function noteSection(record: RunRecord): string {
  if (record.notes.length === 0) return '';
  const items = foldNotes(record.notes).map((note) => {
    const others = note.others.map((text) => `<li>${escapeHtml(text)}</li>`).join('');
    const all = others === '' ? '' : `<details><summary>the others</summary><ul>${others}</ul></details>`;
    return `<li>${escapeHtml(noteWords(note))}${all}</li>`;
  });
  return `<section class="panel notice">${icon('doubtful')}<div><h2>To know beside the figures</h2><ul>${items.join('')}</ul></div></section>`;
}

interface Tile {
  label: string;
  value: string;
  detail: string;
  /** The figure itself says that something is wrong. */
  isBad?: boolean;
  /** What stands below it wants a look. */
  isDoubtful?: boolean;
}

/** The figures that one compares between runs. */
export function tileSection(record: RunRecord): string {
  const { connections, messages, latency, memory, generator } = record;
  const { delivered } = latency;
  const perConnection = memory.bytesPerConnection;
  const parts = [perConnection.kernel, perConnection.server, perConnection.client].map((bytes) =>
    bytes === null ? NOT_MEASURED : formatBytes(bytes),
  );
  const few = tooFewForMemory(record);
  const lostAgents = agentsOf(record).filter(({ lost }) => lost !== null).length;
  const tiles: Tile[] = [
    {
      label: 'Peak connections',
      value: formatCount(connections.peak),
      detail: `of ${formatCount(connections.target)} planned`,
    },
    {
      label: 'Connects',
      value: formatFigure(connections.connectsPerSecond, 'perSecond'),
      detail: `${formatCount(connections.failed)} failed, ${formatCount(connections.dropped)} dropped`,
      isDoubtful: connections.failed + connections.dropped > 0,
    },
    {
      label: 'Messages delivered',
      value: formatCount(messages.delivered),
      detail: `of ${formatCount(messages.sent)} sent`,
    },
    {
      label: 'Messages lost',
      value: formatCount(messages.lost),
      detail: [
        `${formatCount(messages.duplicated)} duplicated`,
        ...(messages.outOfOrder === null ? [] : [`${formatCount(messages.outOfOrder)} out of order`]),
      ].join(', '),
      isBad: messages.lost + messages.duplicated + (messages.outOfOrder ?? 0) > 0,
    },
    {
      label: 'Delivered, p99',
      value: formatFigure(delivered.p99, 'ms'),
      detail:
        delivered.count > 0
          ? `p50 ${formatFigure(delivered.p50, 'ms')}, max ${formatFigure(delivered.max, 'ms')}`
          : 'no latency was recorded',
    },
    {
      label: 'Memory a connection',
      value: formatFigure(perConnection.total, 'bytes'),
      detail: [
        `${kernelName(record)} ${parts[0]}, server ${parts[1]}, client ${parts[2]}`,
        ...(few === undefined ? [] : [few]),
      ].join('; '),
      isDoubtful: few !== undefined,
    },
    ...queueTile(record),
    {
      label: 'Generator lag, p99',
      value: formatFigure(generator.lagMs.p99, 'ms'),
      detail: [
        `limit ${formatMilliseconds(generator.lagLimitMs)}`,
        ...(lostAgents === 0 ? [] : [`${plural(lostAgents, 'agent')} lost`]),
      ].join(', '),
      isBad: !generator.valid,
    },
  ];
  return `<section class="tiles" aria-label="Key figures">${tiles.map(tile).join('')}</section>`;
}

/** None for a server that has no queues to tell of. */
function queueTile(record: RunRecord): Tile[] {
  const { max, worst, alerts } = record.backlog;
  if (worst === null && backlogSentence(record) === undefined) return [];
  return [
    {
      label: 'Longest queue',
      value: formatFigure(max, 'count'),
      detail:
        worst === null
          ? 'no queue was measured'
          : `${worst}, ${alerts.length || 'no'} alert${alerts.length === 1 ? '' : 's'}`,
      isDoubtful: alerts.length > 0,
    },
  ];
}

function tile({ label, value, detail, isBad, isDoubtful }: Tile): string {
  const figure = `${isBad ? icon('bad') : ''}${escapeHtml(value)}`;
  const below = `${isDoubtful ? icon('doubtful') : ''}${escapeHtml(detail)}`;
  return `<div class="tile panel${isBad ? ' bad' : ''}"><h2>${label}</h2><p class="value">${figure}</p><p class="detail">${below}</p></div>`;
}
