import type { RecordedAgent, RunRecord } from '../../record/run.js';
import {
  agentsOf,
  areClientsElsewhere,
  type HostLoad,
  hasLoadSources,
  hostLoads,
} from '../agents/agent-hosts.js';
import { clockSentence, clockWords, loadSentence, lossSentences } from '../agents/agent-words.js';
import { slowestSentence } from '../agents/slowest-agent.js';
import { formatBytes, formatCount, formatFigure, formatMoment, plural } from '../format.js';
import { escapeHtml, icon, table } from './markup.js';

/** More agents than these, and those of each host are folded. */
const AGENTS_SHOWN = 12;
/** More hosts than these, and the rest of them is folded; those with losses and with the most lag come first. */
const HOSTS_SHOWN = 12;
const LOSSES_TOLD = 8;

/** Each host and each agent on a line of its own, and who of them was lost; empty for a run in one process of this machine. */
export function agentsSection(record: RunRecord): string {
  if (!hasLoadSources(record)) return '';
  const loads = hostLoads(record);
  const slowest = slowestSentence(record);
  const losses = lossSentences(record, LOSSES_TOLD).map(
    (words) => `<li>${icon('bad')}${escapeHtml(words)}.</li>`,
  );
  const hasHosts = loads.length > 1 || areClientsElsewhere(record);
  const legend = [LEGEND, ...(hasHosts ? [LEGEND_OF_HOSTS] : []), ...[clockSentence(record) ?? []].flat()];
  const body = [
    `<p>${escapeHtml(`${loadSentence(record)}.${slowest === undefined ? '' : ` ${sentence(slowest)}`}`)}</p>`,
    losses.length === 0 ? '' : `<ul class="losses">${losses.join('')}</ul>`,
    hasHosts ? hostTable(loads) : '',
    agentTables(loads, agentsOf(record).length),
    `<p class="quiet">${escapeHtml(legend.join(' '))}</p>`,
  ];
  return `<section class="panel" id="agents"><h2>Where the load came from</h2>${body.join('')}</section>`;
}

const LEGEND =
  'Rates and CPU are means while the phases ran, of an agent that was lost until then; memory is the most that each held. ' +
  'Late: messages that left later than the ' +
  'limit for the generator’s lag.';
const LEGEND_OF_HOSTS = 'The lag of a host is that of its slowest agent.';

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

function hostTable(loads: readonly HostLoad[]): string {
  const head = ['host', 'agents', 'clients', 'messages/s', 'lag p99', 'CPU', 'memory', 'clock'];
  const rows = loads.map((load) => {
    const { host, agents, lost } = load;
    const { cpuModel, cores, memoryBytes } = host.environment;
    const machine = `${cpuModel}, ${plural(cores, 'core')}, ${formatBytes(memoryBytes)}`;
    return [
      `${escapeHtml(host.name)}<small>${escapeHtml(machine)}</small>`,
      lost === 0
        ? formatCount(agents.length)
        : bad(`${formatCount(lost)} of ${formatCount(agents.length)} lost`),
      formatCount(load.clients),
      formatRate(load.messagesPerSecond),
      formatFigure(load.lagP99Ms, 'ms'),
      load.cores === null ? formatFigure(null, 'cores') : `${load.cores.toFixed(2)} of ${formatCount(cores)}`,
      formatFigure(load.privateBytes, 'bytes'),
      escapeHtml(clockWords(host)),
    ];
  });
  return folded(rows, (these) => table(head, these, 1, head.length - 1), 'host');
}

/** The first rows, and the others behind a line that says how many they are. */
function folded(rows: string[][], tableOf: (rows: string[][]) => string, noun: string): string {
  const rest = rows.slice(HOSTS_SHOWN);
  const more =
    rest.length === 0
      ? ''
      : `<details><summary>${plural(rest.length, `more ${noun}`)}</summary>${tableOf(rest)}</details>`;
  return tableOf(rows.slice(0, HOSTS_SHOWN)) + more;
}

function agentTables(loads: readonly HostLoad[], agents: number): string {
  const [only] = loads;
  if (only && loads.length === 1 && agents <= AGENTS_SHOWN) return agentTable(only.agents);
  const isOpen = agents <= AGENTS_SHOWN;
  const details = loads.map(
    ({ host, agents: own, lost, lagP99Ms }) =>
      `<details${isOpen ? ' open' : ''}><summary>${escapeHtml(`Agents on ${host.name}`)}: ${[
        plural(own.length, 'agent'),
        ...(lost > 0 ? [`<strong class="bad">${formatCount(lost)} lost</strong>`] : []),
        ...(lagP99Ms === null ? [] : [`lag p99 ${formatFigure(lagP99Ms, 'ms')}`]),
      ].join(', ')}</summary>${machineLine(host)}${agentTable(own)}</details>`,
  );
  const rest = details.slice(HOSTS_SHOWN);
  const more =
    rest.length === 0
      ? ''
      : `<details><summary>Agents on ${plural(rest.length, 'more host')}</summary>${rest.join('')}</details>`;
  return `<div class="hosts">${details.slice(0, HOSTS_SHOWN).join('')}${more}</div>`;
}

function machineLine({ environment }: HostLoad['host']): string {
  const { kernel, node, c2m, limits } = environment;
  const files = limits.openFiles === null ? [] : [`${formatCount(limits.openFiles)} open files a process`];
  return `<p class="quiet">${escapeHtml([kernel, `Node ${node}`, `c2m ${c2m}`, ...files].join(', '))}</p>`;
}

function agentTable(agents: readonly RecordedAgent[]): string {
  const head = [
    'agent',
    'clients',
    'peak',
    'messages/s',
    'lag p99',
    'lag max',
    'late',
    'CPU',
    'CPU max',
    'memory',
  ];
  return table(
    head,
    agents.map((agent) => [
      agentCell(agent),
      formatCount(agent.clients),
      formatCount(agent.peak),
      formatRate(agent.messagesPerSecond),
      formatFigure(agent.lagP99Ms, 'ms'),
      formatFigure(agent.lagMaxMs, 'ms'),
      formatCount(agent.late),
      formatFigure(agent.cpuCores.mean, 'cores'),
      formatFigure(agent.cpuCores.peak, 'cores'),
      formatFigure(agent.privateBytesPeak, 'bytes'),
    ]),
  );
}

function agentCell({ agent, firstUser, clients, lost }: RecordedAgent): string {
  const users = `users ${formatCount(firstUser)} to ${formatCount(firstUser + clients - 1)}`;
  const end = lost ? `, lost at ${formatMoment(lost.atSeconds)}: ${lost.why}` : '';
  const name = lost ? bad(String(agent)) : String(agent);
  return `${name}<small>${escapeHtml(`${users}${end}`)}</small>`;
}

function bad(text: string): string {
  return `<strong class="bad">${icon('bad')}${text}</strong>`;
}

function formatRate(perSecond: number | null): string {
  return perSecond === null ? formatFigure(null, 'count') : formatCount(Math.round(perSecond));
}
