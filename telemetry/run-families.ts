import { parseGate } from '../record/gate.js';
import { exportedName, NAME_PREFIX, snake } from '../record/metric-names.js';
import { metricAt } from '../record/metrics.js';
import { isTold } from '../record/promises.js';
import { LATENCY_KINDS } from '../record/run.js';
import { TCP_COUNTERS } from '../record/tcp-counters.js';
import { type Family, type Labels, type NumberFamily, pointsBy } from './family.js';
import { LATENCY_BOUNDS } from './latency-buckets.js';
import { recordFamilies } from './record-families.js';
import { inGroup } from './run-place.js';
import type { RunState } from './run-state.js';

/** What each second of the timeline counts; the names are those of the catalogue. */
const MESSAGES = [
  'due',
  'sent',
  'accepted',
  'delivered',
  'receipted',
  'duplicated',
  'outOfOrder',
  'redelivered',
  'refused',
  'corrupted',
] as const;

const LAGS = { lag: 'messages', connectLag: 'connects' } as const;
const MEDIA = { upload: 'uploads', download: 'downloads' } as const;

/** All that can be said of a run now, in the order in which a page has it. Of a run that has yet to begin, little. */
export function runFamilies(state: RunState): Family[] {
  const families = [
    ...aboutRun(state),
    ...connections(state),
    ...messages(state),
    ...histograms(state),
    ...generator(state),
    ...server(state),
    ...kernel(state),
    ...gates(state),
    // A counter of reasons is there before the first: whoever draws it finds its name.
  ].filter(({ points, kind }) => points.length > 0 || kind === 'counter');
  // What the seconds tell is newer than the record so far.
  const names = new Set(families.map(({ name }) => name));
  const all = [...families, ...recordFamilies(state).filter(({ name }) => !names.has(name))];
  return inGroup(all, state.place.group);
}

function gauge(
  name: string,
  help: string,
  value: number | null | undefined,
  labels: Labels = {},
): NumberFamily {
  const points = value === null || value === undefined ? [] : [{ labels, value }];
  return { name: `${NAME_PREFIX}${name}`, help, kind: 'gauge', points };
}

function gaugeBy(
  name: string,
  help: string,
  label: string,
  values: Iterable<[string, number]>,
): NumberFamily {
  return { ...gauge(name, help, undefined), points: pointsBy(label, values) };
}

/** A figure of the catalogue, in its unit. */
function figure(path: string, value: number | null | undefined): NumberFamily {
  const { name, labels, factor, isCounter } = exportedName(path);
  const points = value === null || value === undefined ? [] : [{ labels, value: value * factor }];
  return { name, help: metricAt(path)?.meaning ?? '', kind: isCounter ? 'counter' : 'gauge', points };
}

function aboutRun({
  known,
  place,
  phase,
  elapsedSeconds,
  agents,
  record,
  hasEnded,
}: RunState): NumberFamily[] {
  const phases = ['connect', ...known.phases, 'drain'];
  const verdicts = ['passed', 'failed', 'invalid', 'partial'];
  return [
    gauge('info', 'The run that goes on here.', 1, {
      scenario: known.scenario,
      version: known.version,
      ...place.about,
    }),
    gaugeBy(
      'phase',
      '1 for the phase that the run is in.',
      'phase',
      phases.map((name): [string, number] => [name, name === phase ? 1 : 0]),
    ),
    gauge('elapsed_seconds', 'Since the run began, at the end of the newest second.', elapsedSeconds),
    figure('connections.target', known.clients),
    figure('generator.agents', agents?.agents),
    gauge('hosts', 'Machines that the clients are on.', agents?.hosts),
    gauge('agents_lost', 'Agents that were lost.', agents?.lost.length),
    gauge(
      'actions',
      'What was done to the server or to the clients until now, at times of its own.',
      record?.marks.filter(({ isEnd, isOfCluster }) => !isEnd && !isOfCluster).length,
    ),
    gaugeBy(
      'verdict',
      '1 for the verdict of the run; not there before it has ended.',
      'verdict',
      hasEnded && record
        ? verdicts.map((each): [string, number] => [each, each === record.verdict ? 1 : 0])
        : [],
    ),
  ];
}

function connections({ sample, peak, connections: counts, failures }: RunState): NumberFamily[] {
  if (!sample) return [];
  const { open, opening, away } = sample.connections;
  return [
    gaugeBy('connections', 'Clients by what they are: logged in, connecting, away on purpose.', 'state', [
      ['open', open],
      ['opening', opening],
      ['away', away],
    ]),
    figure('connections.peak', peak),
    {
      ...gauge('connections_established_total', 'Logins, first ones and later ones.', counts.connected),
      kind: 'counter',
    },
    figure('connections.failed', counts.failed),
    figure('connections.dropped', counts.dropped),
    {
      ...figure('connections.failures.<reason>', 0),
      points: pointsBy('reason', Object.entries(failures)),
    },
  ];
}

function messages({ sample, messages: counts, record }: RunState): NumberFamily[] {
  if (!sample) return [];
  return [
    ...MESSAGES.filter((name) => {
      const path = `messages.${name}`;
      // Until the record tells what the protocol can tell, a zero would be a claim.
      return record ? isTold(record, path) : counts[name] !== 0;
    }).map((name) => figure(`messages.${name}`, counts[name])),
    gauge('messages_in_flight', 'Sent and not yet seen by the recipient.', sample.messages.inFlight),
  ];
}

function histograms({ latency }: RunState): Family[] {
  const of = (
    name: string,
    help: string,
    label: string,
    kinds: readonly (readonly [string, string])[],
  ): Family => ({
    name: `${NAME_PREFIX}${name}`,
    help,
    kind: 'histogram',
    points: kinds.flatMap(([kind, called]) => {
      const buckets = latency.get(kind);
      if (!buckets) return [];
      const { counts, sum } = buckets;
      return [{ labels: { [label]: called }, bounds: LATENCY_BOUNDS, counts, sum }];
    }),
  });
  const media = Object.entries(MEDIA);
  return [
    of(
      'latency_seconds',
      'Latencies since the run began, by kind, each from the time that it was due (docs/run-record.md).',
      'kind',
      LATENCY_KINDS.map((kind) => [kind, snake(kind)]),
    ),
    of(
      'generator_lag_seconds',
      'How late the generator itself was, by what was due.',
      'of',
      Object.entries(LAGS),
    ),
    of(
      'media_latency_seconds',
      'From the time that a file was due to the last byte of the answer.',
      'of',
      media,
    ),
    of(
      'media_lag_seconds',
      'How late the generator itself was with files.',
      'of',
      media.map(([kind, called]) => [`${kind}Lag`, called]),
    ),
  ];
}

function generator({ sample, known, tcp }: RunState): NumberFamily[] {
  if (!sample) return [];
  const { lagP99Ms, eventLoopLagMs, cpu, privateBytes } = sample.generator;
  return [
    gauge(
      'generator_lag_newest_p99_seconds',
      'How late messages left after they were due, 99th percentile of the newest second.',
      seconds(lagP99Ms),
    ),
    figure('generator.lagLimitMs', known.lagLimitMs),
    gauge(
      'generator_event_loop_lag_seconds',
      'How late the timers of the slowest agent fired, 99th percentile of the newest second.',
      seconds(eventLoopLagMs),
    ),
    gauge('generator_cpu_cores', 'Cores in use by all agents.', cpu),
    gauge('generator_memory_bytes', 'Private memory of all agents.', privateBytes),
    ...(tcp ? TCP_COUNTERS.map((name) => figure(`generator.tcp.${name}`, tcp[name])) : []),
  ];
}

function server({ server: newest, nodes, serverMetrics }: RunState): NumberFamily[] {
  const series: NumberFamily = gaugeBy(
    'server_metric',
    'Series that `target.metrics` names, as the page of the server had them last.',
    'series',
    Object.entries(serverMetrics),
  );
  if (!newest) return [series];
  const byNode = (name: string, help: string, of: (node: NodeState) => number | undefined): NumberFamily =>
    gaugeBy(
      name,
      help,
      'node',
      [...nodes.values()].flatMap((node): [string, number][] => {
        const value = of(node);
        return value === undefined ? [] : [[node.name, value]];
      }),
    );
  return [
    gauge('server_connections', 'Connections that the server says it has.', newest.connections),
    gauge('server_cpu_cores', 'Cores in use by the server.', newest.cpu),
    gauge('server_memory_bytes', 'Private memory of all processes of the server.', newest.privateBytes),
    gauge(
      'server_event_loop_lag_seconds',
      'Event-loop lag of its slowest process.',
      seconds(newest.eventLoopLagMs),
    ),
    gauge('server_processes', 'Processes of the server, where they are looked at.', newest.processes),
    gauge('server_threads', 'Their threads.', newest.threads),
    gauge('server_open_files', 'Their open files; sockets are files.', newest.openFiles),
    gaugeBy(
      'queue_length',
      'Length of a queue of the server, the highest of the newest second.',
      'queue',
      Object.entries(newest.queues),
    ),
    series,
    byNode('node_connections', 'Connections of a node of the cluster.', ({ connections: count }) => count),
    byNode('node_cpu_cores', 'Cores in use by a node of the cluster.', ({ cpu }) => cpu),
    byNode(
      'node_memory_bytes',
      'Private memory of a node of the cluster.',
      ({ privateBytes }) => privateBytes,
    ),
    byNode('node_event_loop_lag_seconds', 'Event-loop lag of a node of the cluster.', ({ eventLoopLagMs }) =>
      eventLoopLagMs === undefined ? undefined : eventLoopLagMs / 1000,
    ),
    byNode('node_homes', 'Homes that are open at a node of the cluster.', ({ homes }) => homes),
  ];
}

type NodeState = RunState['nodes'] extends ReadonlyMap<string, infer Node> ? Node : never;

function kernel({ sample }: RunState): NumberFamily[] {
  if (!sample) return [];
  const { slabBytes, tcpSlabBytes, socketsInUse, socketsTimeWait, socketBufferBytes, availableBytes } =
    sample.kernel;
  return [
    gauge('kernel_slab_bytes', 'Slab memory of the whole kernel.', slabBytes),
    gauge('kernel_tcp_slab_bytes', 'Of that, what TCP sockets take.', tcpSlabBytes),
    gauge('kernel_sockets', 'TCP sockets of the whole host that are in use.', socketsInUse),
    gauge('kernel_sockets_time_wait', 'TCP sockets of the whole host in TIME-WAIT.', socketsTimeWait),
    gauge('kernel_socket_buffer_bytes', 'Memory in TCP socket buffers of the whole host.', socketBufferBytes),
    gauge('kernel_available_bytes', 'Memory of the host that is still to be had.', availableBytes),
  ];
}

/** As they would be judged now: not every gate that holds so far holds at the end. */
function gates({ record }: RunState): NumberFamily[] {
  const told = (record?.gates ?? []).filter(({ value }) => value !== null);
  return [
    gaugeBy(
      'gate_held',
      '1 where a gate holds by what was measured until now, 0 where it does not.',
      'gate',
      told.map(({ expression, passed }): [string, number] => [expression, passed ? 1 : 0]),
    ),
    gaugeBy(
      'gate_value',
      'The figure of a gate until now, in base units: seconds, bytes, a count.',
      'gate',
      told.map(({ expression, value }): [string, number] => [
        expression,
        (value as number) * exportedName(parseGate(expression).metric).factor,
      ]),
    ),
  ];
}

function seconds(ms: number | null | undefined): number | undefined {
  return ms === null || ms === undefined ? undefined : ms / 1000;
}
