import { LATENCY_KINDS, type LatencyKind } from './run.js';
import type { TcpCounters } from './tcp-counters.js';

/** What a figure counts. `ratio` is a share, 0 to 1; `number`: what it counts is known to the server alone. */
export type Unit = 'count' | 'perSecond' | 'us' | 'ms' | 'seconds' | 'bytes' | 'cores' | 'ratio' | 'number';

/** One figure of run.json, as gates, tables, comparisons and docs know it. */
export interface Metric {
  /** Where it stands; `<name>` and `<reason>` are what the run names: a phase, a queue, why something failed. */
  path: string;
  unit: Unit;
  label: string;
  meaning: string;
  /** The direction in which a run gets worse; `neither`: it tells about the run, and neither is better. */
  worse: 'higher' | 'lower' | 'neither';
  /** Why it may not be there. */
  absence: string;
  /** Left out where nothing happened, so that it is zero then. */
  isZeroIfAbsent?: true;
  /** How two runs are compared by it; undefined: they are not. */
  comparison?: {
    /** `inform`: shown, and never a regression. `strict`: any step for the worse counts, however small. */
    judged: 'inform' | 'noise' | 'strict';
    /** A smaller change is noise, whatever share of the base it is; in the metric's unit. */
    noise: number;
  };
}

const INFORM = { judged: 'inform', noise: 0 } as const;
const STRICT = { judged: 'strict', noise: 0 } as const;
const JUDGE = { judged: 'noise', noise: 0 } as const;

const ALWAYS_THERE = 'run.json holds no such figure';
const NO_LATENCY = 'no latency was recorded';
const NO_MEMORY = 'memory was not measured';
const NO_QUEUES = 'the target offers no queue lengths';
const NO_MEDIA = 'the scenario has no media';
const NO_MEDIA_ACCOUNT = 'the scenario has no media, or the record is older than this figure';
const NO_LAG = 'no message fell due, so no lag was recorded';
const NO_CPU = 'CPU was not measured';
const NO_CPU_COST = 'CPU was not measured, nothing was delivered, or it took too little CPU to tell';
const NO_HOST = 'the kernel does not tell';
const NO_PROCESSES = 'the target names no processes of its server';
const NO_CLUSTER = 'the server is no cluster that the lab started, or the record is older than this figure';
const NO_TAKEOVER = 'the server is no cluster that the lab started, or no home was taken over';
const NO_SERIES = 'the page of the server had no number for this series';
const NO_PACKETS = 'the clients were carried by the TCP of the kernel';

/** Half a millisecond is what a busy scheduler adds by itself. */
const LATENCY_NOISE_MS = 0.5;
/** Growth is measured on whole processes, whose garbage collectors come and go. */
const MEMORY_NOISE_BYTES = 128;

/** Where each latency begins and ends. */
export const LATENCY_MEANINGS: Record<LatencyKind, string> = {
  connect: 'from the time a connect was due to the answer to the login',
  accepted: 'from the time a message was due to the first check mark: the server holds it',
  delivered: 'from the time a message was due until the recipient has it',
  deliveredSinceSent: 'the same from the time the message was sent: without the lag of the generator',
  waiting: 'from the login of a recipient who was away until it has what waited',
  receipt: 'from the time a message was due to the second check mark: the sender knows',
};

const PACKET_COUNTS: Record<keyof TcpCounters, { label: string; meaning: string }> = {
  segmentsIn: { label: 'segments in', meaning: 'TCP segments that came to the agents.' },
  segmentsOut: { label: 'segments out', meaning: 'TCP segments that the agents sent.' },
  retransmissions: {
    label: 'retransmissions',
    meaning: 'Segments sent again because no acknowledgment came.',
  },
  synRetries: { label: 'SYN retries', meaning: 'First segments of a connection that were sent again.' },
  resetsIn: { label: 'resets in', meaning: 'Connections that the server reset.' },
  resetsOut: { label: 'resets out', meaning: 'Connections that the agents reset.' },
  zeroWindows: { label: 'zero windows', meaning: 'How often the server shut its window.' },
  outOfOrder: { label: 'segments out of order', meaning: 'Segments that came before one that they follow.' },
  malformed: {
    label: 'malformed packets',
    meaning: 'Packets that were no whole TCP segment, or had a wrong checksum.',
  },
  tunDrops: {
    label: 'dropped by the device',
    meaning: 'Packets that the device did not take, or that nobody read in time.',
  },
};

const PERCENTILES = { min: 'lowest', p50: 'p50', p90: 'p90', p99: 'p99', p999: 'p99.9', max: 'highest' };
/** One stray pause decides the highest, and p90 lies between two that are judged: they inform. */
const JUDGED_PERCENTILES = new Set(['p50', 'p99']);
/** These say why another latency is as it is. */
const INFORMING_LATENCIES: ReadonlySet<string> = new Set(['deliveredSinceSent', 'waiting']);

/** Every figure of run.json that says something about the run, in its order. */
export const METRICS: readonly Metric[] = [
  seconds('durationSeconds', 'duration', 'From the first connect to the end of the drain.'),
  count('connections.target', 'clients', 'Clients of the scenario.'),
  worseIfLower(count('connections.peak', 'peak connections', 'Most clients logged in at one time.', JUDGE)),
  worseIfHigher(
    count(
      'connections.failed',
      'connections failed',
      'Connection attempts that did not end in a login.',
      JUDGE,
    ),
  ),
  worseIfLower({
    ...count(
      'connections.connectsPerSecond',
      'connects a second',
      'Logins a second over the time that the first connects took.',
      JUDGE,
    ),
    unit: 'perSecond',
  }),
  worseIfHigher(
    count(
      'connections.dropped',
      'connections dropped',
      'Connections that were open and ended without the client’s doing.',
      JUDGE,
    ),
  ),
  count('connections.reconnects', 'reconnects', 'Logins after the first of a client.'),
  worseIfHigher({
    ...count(
      'connections.failures.<reason>',
      'connections failed or dropped, by reason',
      'Failed attempts and dropped connections of one reason.',
    ),
    isZeroIfAbsent: true,
  }),
  later(
    worseIfHigher(
      count(
        'connections.unknown',
        'connections unknown',
        'Clients of agents that were lost: what became of them nobody knows.',
        INFORM,
      ),
    ),
  ),
  later(count('messages.due', 'messages due', 'Fell due by the schedule, once for each recipient.', INFORM)),
  later(
    worseIfHigher(
      count('messages.unscheduled', 'messages unscheduled', 'Fell due while nobody was there to send them.'),
    ),
  ),
  count('messages.sent', 'messages sent', 'Handed to a socket at least once.', INFORM),
  worseIfLower(
    count(
      'messages.accepted',
      'messages accepted',
      'The server said that it holds the message: the first check mark.',
    ),
  ),
  worseIfLower(
    count(
      'messages.delivered',
      'messages delivered',
      'Different messages that reached their recipient.',
      JUDGE,
    ),
  ),
  worseIfLower(
    count(
      'messages.receipted',
      'messages receipted',
      'The sender knows that it arrived: the second check mark.',
    ),
  ),
  worseIfHigher(
    count('messages.lost', 'messages lost', 'Sent, not refused, and never seen by the recipient.', STRICT),
  ),
  later(
    worseIfHigher(
      count(
        'messages.unknown',
        'messages unknown',
        'Under way in an agent that was lost: whether they arrived nobody knows.',
        INFORM,
      ),
    ),
  ),
  worseIfHigher(
    count(
      'messages.duplicated',
      'messages duplicated',
      'Delivered again though the recipient had it, and no redelivery.',
      STRICT,
    ),
  ),
  worseIfHigher(
    count(
      'messages.outOfOrder',
      'messages out of order',
      'Arrived for the first time after a later one of the same sender.',
      STRICT,
    ),
  ),
  count(
    'messages.redelivered',
    'messages redelivered',
    'Delivered again and marked so, because a connection died before it was acknowledged.',
  ),
  worseIfHigher(
    count('messages.refused', 'messages refused', 'Answered with an error instead of a check mark.', JUDGE),
  ),
  ...(
    [
      ['corrupted', 'corrupted', 'Delivered with another content than was sent.', STRICT],
      [
        'acceptedNotDelivered',
        'accepted, not delivered',
        'Lost though the server had said that it holds them.',
        STRICT,
      ],
      [
        'deliveredNotReceipted',
        'delivered, not receipted',
        'Delivered, and their sender never knew.',
        STRICT,
      ],
      ['receiptedEarly', 'receipted early', 'Receipted before their recipient had them.', STRICT],
      [
        'impliedAccepted',
        'accepted by implication',
        'Delivered or receipted without ACCEPTED: that the server held them only follows.',
        INFORM,
      ],
    ] as const
  ).map(([name, label, meaning, comparison]) =>
    later(worseIfHigher(count(`messages.${name}`, `messages ${label}`, meaning, comparison))),
  ),
  later(
    count(
      'messages.awayAdjusted',
      'messages adjusted for absence',
      'Their recipient or sender was away meanwhile; that time is no part of their latency.',
    ),
  ),
  count(
    'messages.leftOver',
    'messages left over',
    'Of an earlier run, delivered in this one; part of no other figure.',
  ),
  worseIfHigher(
    count(
      'messages.unsent',
      'messages unsent',
      'Due, and never handed to a socket: the sender was not connected, or the server took no more of it without an answer.',
    ),
  ),
  later(
    worseIfHigher(
      count(
        'messages.heldBack',
        'messages held back',
        'Of those unsent, what a connected sender could not hand over before the run ended, as the server took no more of it without an answer.',
        STRICT,
      ),
    ),
  ),
  worseIfHigher({
    ...count(
      'refusals.<reason>',
      'messages refused, by reason',
      'Messages that were refused for one reason.',
    ),
    isZeroIfAbsent: true,
  }),
  ...LATENCY_KINDS.flatMap((kind) =>
    latency(`latency.${kind}`, kind, LATENCY_MEANINGS[kind], NO_LATENCY, true),
  ),
  ...(['uploads', 'downloads'] as const).flatMap((kind) => media(kind)),
  ...phase(),
  ...generator(),
  ...backlog(),
  ...memory(),
  ...cpu(),
  ...host(),
  ...cluster(),
  ...serverProcesses(),
  ...serverMetrics(),
];

/** The metric at `path`, where a phase, a queue or a reason may stand for a placeholder; undefined: there is none. */
export function metricAt(path: string): Metric | undefined {
  return BY_PATH.get(path) ?? NAMED.find(({ pattern }) => pattern.test(path))?.metric;
}

/** The unit of the figure at `path`. */
export function unitAt(path: string): Unit {
  return metricAt(path)?.unit ?? 'count';
}

const BY_PATH = new Map(METRICS.map((metric) => [metric.path, metric]));

/** Those whose paths hold what the run names; such a name has no dot in it. */
const NAMED = METRICS.filter(({ path }) => path.includes('<')).map((metric) => {
  const parts = metric.path.split(/<\w+>/).map((text) => text.replaceAll('.', '\\.'));
  return { metric, pattern: new RegExp(`^${parts.join('[^.\\s]+')}$`) };
});

function count(path: string, label: string, meaning: string, comparison?: Metric['comparison']): Metric {
  const metric = { path, unit: 'count', label, meaning, worse: 'neither', absence: ALWAYS_THERE } as const;
  return comparison ? { ...metric, comparison } : metric;
}

function later(metric: Metric): Metric {
  return { ...metric, absence: 'a record of before this was counted' };
}

function seconds(path: string, label: string, meaning: string): Metric {
  return { ...count(path, label, meaning), unit: 'seconds' };
}

function worseIfHigher(metric: Metric): Metric {
  return { ...metric, worse: 'higher' };
}

function worseIfLower(metric: Metric): Metric {
  return { ...metric, worse: 'lower' };
}

function latency(
  path: string,
  label: string,
  meaning: string,
  absence: string,
  isCompared: boolean,
): Metric[] {
  const percentiles = Object.entries(PERCENTILES).map(([key, word]): Metric => {
    const judged =
      JUDGED_PERCENTILES.has(key) && !INFORMING_LATENCIES.has(label)
        ? ({ judged: 'noise', noise: LATENCY_NOISE_MS } as const)
        : INFORM;
    return {
      path: `${path}.${key}`,
      unit: 'ms',
      label: `${label} ${word}`,
      meaning: capitalized(meaning),
      worse: 'higher',
      absence,
      ...(isCompared && key !== 'min' && { comparison: judged }),
    };
  });
  const counted = count(`${path}.count`, `${label} count`, 'How many were recorded.');
  return [{ ...counted, absence }, ...percentiles];
}

function capitalized(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function media(kind: 'uploads' | 'downloads'): Metric[] {
  const [done, path] = [kind === 'uploads' ? 'uploaded' : 'downloaded', `media.${kind}`];
  const absent = (absence: string, metric: Metric): Metric => ({ ...metric, absence });
  return [
    absent(NO_MEDIA_ACCOUNT, count(`${path}.due`, `${kind} due`, 'Fell due, whatever became of them.')),
    absent(
      NO_MEDIA,
      worseIfLower(count(`${path}.count`, `files ${done}`, 'Answered with a status below 300.')),
    ),
    absent(NO_MEDIA, { ...count(`${path}.bytes`, `bytes ${done}`, 'In those.'), unit: 'bytes' }),
    absent(
      NO_MEDIA,
      worseIfHigher(
        count(`${path}.failed`, `${kind} failed`, 'Answered otherwise, after the time-out, or not at all.'),
      ),
    ),
    absent(
      NO_MEDIA_ACCOUNT,
      worseIfHigher(
        count(
          `${path}.unsent`,
          `${kind} unsent`,
          'Due, and never asked: too many waited for a connection, or the run ended.',
        ),
      ),
    ),
    ...latency(
      `${path}.latency`,
      kind,
      `from the time ${kind === 'uploads' ? 'an upload' : 'a download'} was due to the last byte of the answer`,
      NO_MEDIA,
      false,
    ),
    ...(['p50', 'p99', 'p999', 'max'] as const).map((key) =>
      absent(NO_MEDIA_ACCOUNT, {
        ...worseIfHigher(
          count(
            `${path}.lagMs.${key}`,
            `generator lag of ${kind} ${PERCENTILES[key]}`,
            'How late they were asked once they were due and a connection was free.',
          ),
        ),
        unit: 'ms',
      }),
    ),
  ];
}

function phase(): Metric[] {
  const path = 'phases.<name>';
  const memoryOf = (who: 'server' | 'agent'): Metric[] => [
    {
      ...worseIfHigher(
        count(
          `${path}.memory.${who}PeakBytes`,
          `${who} memory, highest`,
          'Private memory of all its processes.',
        ),
      ),
      unit: 'bytes',
      absence: NO_MEMORY,
    },
    {
      ...worseIfHigher(
        count(
          `${path}.memory.${who}BytesPerMinute`,
          `${who} memory, slope`,
          'Growth of a line through the seconds of the phase.',
        ),
      ),
      unit: 'bytes',
      absence: NO_MEMORY,
    },
  ];
  return [
    seconds(`${path}.startSeconds`, 'phase begins', 'Since the run began.'),
    seconds(`${path}.endSeconds`, 'phase ends', 'Since the run began.'),
    ...LATENCY_KINDS.flatMap((kind) =>
      latency(`${path}.latency.${kind}`, `${kind} in a phase`, LATENCY_MEANINGS[kind], NO_LATENCY, false),
    ),
    ...lags(`${path}.`, 'phase', false),
    ...memoryOf('server'),
    ...memoryOf('agent'),
  ];
}

function lags(path: string, whose: string, isCompared: boolean): Metric[] {
  return (['lagMs', 'connectLagMs'] as const).flatMap((name) =>
    (['p50', 'p99', 'p999', 'max'] as const).map((key): Metric => {
      const isOfMessages = name === 'lagMs';
      return {
        path: `${path}${name}.${key}`,
        unit: 'ms',
        label: `${whose} ${isOfMessages ? 'lag' : 'connect lag'} ${PERCENTILES[key]}`,
        meaning: isOfMessages
          ? 'How late messages left after they were due.'
          : 'How late connects began after they were due, but for those that had to wait for others to end.',
        worse: 'higher',
        absence: isOfMessages ? NO_LAG : 'no connect was due',
        ...(isCompared && isOfMessages && key === 'p99' && { comparison: INFORM }),
      };
    }),
  );
}

function generator(): Metric[] {
  return [
    count('generator.agents', 'agents', 'Processes that the clients were in.'),
    ...lags('generator.', 'generator', true),
    { ...count('generator.lagLimitMs', 'lag limit', 'Past it the run is invalid.'), unit: 'ms' },
    ...(Object.keys(PACKET_COUNTS) as (keyof TcpCounters)[]).map((name): Metric => {
      const { label, meaning } = PACKET_COUNTS[name];
      return { ...count(`generator.tcp.${name}`, label, meaning), absence: NO_PACKETS };
    }),
  ];
}

function backlog(): Metric[] {
  const path = 'backlog.queues.<name>';
  const metrics: Metric[] = [
    { ...count('backlog.max', 'longest queue', 'Highest length of any queue.', INFORM), worse: 'higher' },
    worseIfHigher(count(`${path}.max`, 'queue length, highest', 'Highest length at any sample.')),
    worseIfHigher(count(`${path}.p99`, 'queue length, p99', 'Of its samples.')),
    count(`${path}.threshold`, 'queue threshold', 'Past it the server raises an alert.'),
    worseIfHigher(count(`${path}.alerts`, 'queue alerts', 'How often it grew past its threshold.')),
    {
      ...worseIfHigher(
        count(
          `${path}.behindMs`,
          'queue behind',
          'How long an item had waited at the worst, at least, by what came in and went out.',
        ),
      ),
      unit: 'ms',
    },
    { ...count(`${path}.arrivedPerSecond`, 'queue arrivals', 'When it was longest.'), unit: 'perSecond' },
    { ...count(`${path}.servedPerSecond`, 'queue served', 'When it was longest.'), unit: 'perSecond' },
    {
      ...worseIfHigher(count(`${path}.waitMs`, 'queue wait', 'Mean wait of an item, by Little’s law.')),
      unit: 'ms',
    },
    worseIfHigher(count(`${path}.meanLength`, 'queue length, mean', 'By time.')),
    {
      ...worseIfHigher(
        count(`${path}.busyShare`, 'queue busy', 'Share of the time in which something was in it.'),
      ),
      unit: 'ratio',
    },
    {
      ...worseIfHigher(
        count(`${path}.thresholdShare`, 'queue near its threshold', 'Highest length over the threshold.'),
      ),
      unit: 'ratio',
    },
  ];
  return metrics.map((metric) => ({ ...metric, absence: NO_QUEUES }));
}

function memory(): Metric[] {
  const of = (path: string, label: string, meaning: string, comparison?: Metric['comparison']): Metric => ({
    ...worseIfHigher(count(`memory.${path}`, label, meaning, comparison)),
    unit: 'bytes',
    absence: NO_MEMORY,
  });
  const idle = 'Of a connection that is logged in and idle: the slope of memory while they come.';
  const talking =
    'While the phases run: what is held more than before the first connect, over the connections.';
  const buffers = 'In socket buffers; in no total, as any process of the host can move it.';
  const slab = 'The whole slab of the kernel, and so also what others made it remember.';
  const own = 'What it holds for itself, however many connections it has.';
  const judged = { judged: 'noise', noise: MEMORY_NOISE_BYTES } as const;
  return [
    of('bytesPerConnection.kernel', 'kernel bytes a connection', idle, judged),
    of('bytesPerConnection.server', 'server bytes a connection', idle, judged),
    of('bytesPerConnection.client', 'client bytes a connection', idle, INFORM),
    of('bytesPerConnection.total', 'bytes a connection', idle, judged),
    of('bytesPerConnection.socketBuffers', 'socket buffers a connection', buffers),
    of('bytesPerConnection.wholeSlab', 'whole slab a connection', slab),
    of('talking.kernel', 'kernel bytes a connection, talking', talking),
    of('talking.server', 'server bytes a connection, talking', talking),
    of('talking.client', 'client bytes a connection, talking', talking),
    of('talking.total', 'bytes a connection, talking', talking),
    of('talking.socketBuffers', 'socket buffers a connection, talking', buffers),
    of('talking.wholeSlab', 'whole slab a connection, talking', slab),
    of('perProcess.server', 'bytes of a server process', own),
    of('perProcess.agent', 'bytes of an agent', own),
    {
      ...count('memory.sockets.expected', 'sockets expected', 'That the connections have on this host.'),
      absence: NO_MEMORY,
    },
    {
      ...count('memory.sockets.opened', 'sockets opened', 'By which those of the host rose meanwhile.'),
      absence: NO_MEMORY,
    },
  ];
}

function cpu(): Metric[] {
  const of = (who: 'server' | 'generator'): Metric[] => [
    {
      ...worseIfHigher(
        count(
          `cpu.${who}UsPerMessage`,
          `${who} CPU a message`,
          'CPU time of all its processes over the messages delivered, while the phases ran.',
          // Where a server is far from its limit, nothing else tells that it does more than it did.
          who === 'server' ? JUDGE : INFORM,
        ),
      ),
      unit: 'us',
    },
    {
      ...worseIfHigher(
        count(`cpu.${who}Cores.mean`, `${who} cores`, 'In use while the phases ran, on average.'),
      ),
      unit: 'cores',
    },
    {
      ...worseIfHigher(
        count(`cpu.${who}Cores.peak`, `${who} cores, highest`, 'In use in the busiest second of the phases.'),
      ),
      unit: 'cores',
    },
  ];
  return [...of('server'), ...of('generator')].map((metric) => ({
    ...metric,
    absence: metric.path.endsWith('UsPerMessage') ? NO_CPU_COST : NO_CPU,
  }));
}

function host(): Metric[] {
  const of = (path: string, label: string, meaning: string): Metric => ({
    ...worseIfHigher(count(`host.${path}`, label, meaning)),
    unit: 'ratio',
    absence: NO_HOST,
  });
  const waited =
    'Share of the run in which at least one task of the machine of the coordinator waited for it.';
  return [
    of(
      'stealShare',
      'CPU stolen',
      'Share of the CPU time that a hypervisor gave to others, on the machine of the coordinator.',
    ),
    of('pressure.cpu', 'pressure on the CPU', waited),
    of('pressure.memory', 'pressure on memory', waited),
    of('pressure.io', 'pressure on disks', waited),
  ];
}

function cluster(): Metric[] {
  const of = (path: string, label: string, meaning: string): Metric => ({
    ...count(`cluster.${path}`, label, meaning),
    absence: NO_CLUSTER,
  });
  return [
    of('takeovers', 'homes taken over', 'Homes that came to another node after their owner had died.'),
    of('moves', 'homes moved', 'Homes that one node handed over to another.'),
    {
      ...worseIfHigher(
        of(
          'takeover.max',
          'longest takeover',
          'From when a node was given a home of a dead one to when it was open; that it was dead takes a lease to tell.',
        ),
      ),
      unit: 'ms',
      absence: NO_TAKEOVER,
    },
  ];
}

function serverProcesses(): Metric[] {
  const of = (name: string, label: string, meaning: string): Metric => ({
    ...worseIfHigher(count(`serverProcesses.${name}`, label, meaning)),
    absence: NO_PROCESSES,
  });
  return [
    of('processes', 'server processes', 'Most at one time.'),
    of('threads', 'server threads', 'Most at one time, all its processes together.'),
    of('openFiles', 'server open files', 'Most at one time, all its processes together; sockets are files.'),
  ];
}

function serverMetrics(): Metric[] {
  const words = { min: 'lowest', mean: 'mean', max: 'highest', last: 'last' };
  return Object.entries(words).map(([name, word]) => ({
    ...count(
      `serverMetrics.<name>.${name}`,
      `series of the server, ${word}`,
      'Of a series of `target.metrics`, read once a second from the first connect to the end of the drain.',
    ),
    unit: 'number',
    absence: NO_SERIES,
  }));
}
