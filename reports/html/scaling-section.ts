import type { RunRecord } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import { areClientsElsewhere } from '../agents/agent-hosts.js';
import { formatBytes, formatCount, formatFigure, formatRatio, formatSeconds } from '../format.js';
import { type Stage, stagesOf } from '../stages.js';
import { escapeHtml, table } from './markup.js';

const GIB = 1024 ** 3;
/** What the publisher did not say, or what one of the two does not have. */
const NONE = '–';

/** The run beside the published result that its scenario names, and what bounded each of its phases. */
export function scalingSection(record: RunRecord, samples: TimelineSample[]): string {
  if (!record.reference) return '';
  const stages = stagesOf(record, samples);
  return `<section class="panel" id="scaling"><h2>Beside a published result</h2>
${comparison(record, record.reference, stages)}
<p class="quiet">${escapeHtml(record.reference.source)}. There: ${escapeHtml(record.reference.workload)}. That host had the server alone${areClientsElsewhere(record) ? ', as this one has: the clients were on others' : '; this one has both ends of every connection'}.</p>
<h3>What bounded each phase</h3>
${stageTable(stages)}
<p class="quiet">Cores in use are means over the phase; a phase is bounded by the CPU where more than nine tenths of all cores were in use, whoever used them.</p>
</section>`;
}

function comparison(
  record: RunRecord,
  published: NonNullable<RunRecord['reference']>,
  stages: Stage[],
): string {
  const { connections, environment, memory, generator } = record;
  const { kernel, server, client, total } = memory.bytesPerConnection;
  const bytes = (value: number | null): string => (value === null ? NONE : formatBytes(value));
  const most = (value: (stage: Stage) => number | null): string => {
    const highest = Math.max(0, ...stages.map((stage) => value(stage) ?? 0));
    return highest > 0 ? `${formatCount(Math.round(highest))}/s` : NONE;
  };
  const perCore = (count: number, cores: number): string => formatCount(Math.round(count / cores));
  const perGib = (count: number, size: number): string => formatCount(Math.round((count * GIB) / size));
  const ratio = (ours: number, theirs: number): string => formatRatio(ours / theirs);
  const ourCores = connections.peak / environment.cores;
  const theirCores = published.connections / published.cores;
  const ourGib = connections.peak / environment.memoryBytes;
  const theirGib = published.connections / published.memoryBytes;
  return table(
    ['', 'this run', escapeHtml(published.title), 'this run, of that'],
    [
      [
        'connections',
        formatCount(connections.peak),
        formatCount(published.connections),
        ratio(connections.peak, published.connections),
      ],
      [
        'cores',
        formatCount(environment.cores),
        formatCount(published.cores),
        ratio(environment.cores, published.cores),
      ],
      [
        'memory',
        formatBytes(environment.memoryBytes),
        formatBytes(published.memoryBytes),
        ratio(environment.memoryBytes, published.memoryBytes),
      ],
      [
        'connections a core',
        perCore(connections.peak, environment.cores),
        perCore(published.connections, published.cores),
        ratio(ourCores, theirCores),
      ],
      [
        'connections a GiB',
        perGib(connections.peak, environment.memoryBytes),
        perGib(published.connections, published.memoryBytes),
        ratio(ourGib, theirGib),
      ],
      ['bytes a connection', bytes(total), NONE, NONE],
      ['… kernel, server, client', [kernel, server, client].map(bytes).join(', '), NONE, NONE],
      ['logins', `${formatCount(Math.round(connections.connectsPerSecond))}/s`, NONE, NONE],
      ['messages', most(({ messagesPerSecond }) => messagesPerSecond), NONE, NONE],
      ['packets, both ways', most(({ packetsPerSecond }) => packetsPerSecond), NONE, NONE],
      ['agents', formatCount(generator.agents), NONE, NONE],
    ],
  );
}

function stageTable(stages: Stage[]): string {
  const cores = (value: number | null): string => (value === null ? NONE : value.toFixed(2));
  const rate = (value: number | null): string => (value === null ? NONE : formatCount(Math.round(value)));
  const rows = stages.map((stage) => [
    escapeHtml(stage.name),
    formatSeconds(Math.round(stage.seconds)),
    rate(stage.loginsPerSecond),
    rate(stage.messagesPerSecond),
    formatFigure(stage.acceptedP99Ms, 'ms'),
    cores(stage.serverCores),
    cores(stage.generatorCores),
    cores(stage.otherCores),
    rate(stage.retransmissionsPerSecond),
    stage.longestQueue
      ? `${formatCount(stage.longestQueue.length)} <small>${escapeHtml(stage.longestQueue.name)}</small>`
      : NONE,
    stage.bottleneck,
  ]);
  const head = [
    'phase',
    'for',
    'logins/s',
    'messages/s',
    'accepted p99',
    'server cores',
    'agent cores',
    'other cores',
    'repeated/s',
    'longest queue',
    'bounded by',
  ];
  return table(head, rows, 1, head.length - 1);
}
