import type { RunRecord } from '../../record/run.js';
import {
  formatBytes,
  formatCount,
  formatFigure,
  formatMilliseconds,
  formatSeconds,
  NOT_MEASURED,
} from '../format.js';
import { explainVerdict, gateValue, groupsSentence, ledgerSentence, VERDICT_WORDS } from '../statement.js';
import { escapeHtml, type Icon, icon } from './markup.js';

const VERDICT_ICONS: Record<RunRecord['verdict'], Icon> = {
  passed: 'good',
  failed: 'bad',
  invalid: 'doubtful',
  partial: 'doubtful',
};

/** What one looks for first: what ran, whether it held, and each gate with its value. */
export function verdictSection(record: RunRecord): string {
  const kind = VERDICT_ICONS[record.verdict];
  return `<section class="hero panel">
  <div class="claim">
    <h1>${escapeHtml(record.name)}</h1>
    <p class="description">${escapeHtml(record.description)}</p>
    <p class="verdict ${kind}">${icon(kind)}<strong>${VERDICT_WORDS[record.verdict]}</strong></p>
    <p>${escapeHtml(explainVerdict(record))}</p>
    <p class="quiet">${escapeHtml([ledgerSentence(record), groupsSentence(record) ?? ''].join(' ').trim())}</p>
    ${factList(record)}
  </div>
  <div class="gates">
    <h2>Gates</h2>
    ${gateList(record)}
  </div>
</section>
${noteSection(record)}`;
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
  return target.kind === 'embedded' ? `the reference server at ${where}` : where;
}

function gateList(record: RunRecord): string {
  if (record.gates.length === 0) return '<p class="quiet">The scenario sets none.</p>';
  const items = record.gates.map((gate) => {
    const kind = gate.passed ? 'good' : 'bad';
    return `<li class="${kind}">${icon(kind)}<code>${escapeHtml(gate.expression)}</code><span class="value">${escapeHtml(gateValue(gate))}</span><span class="word">${gate.passed ? 'passed' : 'failed'}</span></li>`;
  });
  return `<ul>${items.join('')}</ul>`;
}

function noteSection(record: RunRecord): string {
  if (record.notes.length === 0) return '';
  const items = record.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('');
  return `<section class="panel notice">${icon('doubtful')}<div><h2>To know beside the figures</h2><ul>${items}</ul></div></section>`;
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
  const { connections, messages, latency, memory, backlog, generator } = record;
  const { delivered } = latency;
  const perConnection = memory.bytesPerConnection;
  const parts = [perConnection.kernel, perConnection.server, perConnection.client].map((bytes) =>
    bytes === null ? NOT_MEASURED : formatBytes(bytes),
  );
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
      detail: `${formatCount(messages.duplicated)} duplicated, ${formatCount(messages.outOfOrder)} out of order`,
      isBad: messages.lost + messages.duplicated + messages.outOfOrder > 0,
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
      detail: `kernel ${parts[0]}, server ${parts[1]}, client ${parts[2]}`,
    },
    {
      label: 'Longest queue',
      value: formatFigure(backlog.max, 'count'),
      detail:
        backlog.worst === null
          ? 'no queue was measured'
          : `${backlog.worst}, ${backlog.alerts.length || 'no'} alert${backlog.alerts.length === 1 ? '' : 's'}`,
      isDoubtful: backlog.alerts.length > 0,
    },
    {
      label: 'Generator lag, p99',
      value: formatFigure(generator.lagMs.p99, 'ms'),
      detail: `limit ${formatMilliseconds(generator.lagLimitMs)}`,
      isBad: !generator.valid,
    },
  ];
  return `<section class="tiles" aria-label="Key figures">${tiles.map(tile).join('')}</section>`;
}

function tile({ label, value, detail, isBad, isDoubtful }: Tile): string {
  const figure = `${isBad ? icon('bad') : ''}${escapeHtml(value)}`;
  const below = `${isDoubtful ? icon('doubtful') : ''}${escapeHtml(detail)}`;
  return `<div class="tile panel${isBad ? ' bad' : ''}"><h2>${label}</h2><p class="value">${figure}</p><p class="detail">${below}</p></div>`;
}
