import { Command, Option } from 'commander';
import type { CapacityOptions } from '../lab/capacity/find-capacity.js';
import { WANTED, type Wanted } from '../lab/capacity/trial-scenario.js';
import type { ServerSize } from '../record/capacity.js';
import { type Gate, GateError, parseGate } from '../record/gate.js';
import { InputError } from '../record/input-error.js';
import { parseQuantity, type QuantityKind, UnitError } from '../record/quantity.js';
import { type NatsFlags, natsOptions } from './nats-options.js';
import { readNumberOfRuns } from './number-of-runs.js';
import { collect } from './repeatable-option.js';
import { type TelemetryFlags, telemetryOptions } from './telemetry-options.js';

/** What commander makes of the options of `c2m capacity`. */
export interface CapacityFlags extends NatsFlags, TelemetryFlags {
  find: Wanted;
  until: string[];
  set?: string[];
  from?: string;
  max?: string;
  precision: string;
  trial?: string;
  confirm?: string;
  maxTrials: string;
  maxTime: string;
  workers?: string;
  nodes?: string;
  perClient?: true;
  withoutGates?: true;
  out?: string;
  agents?: string;
  trust?: true;
  json?: true;
  quiet?: true;
}

const MOST_TRIALS = 1000;
const MOST_SERVERS = { workers: 1024, nodes: 100 };
const PRECISION = { least: 0.001, most: 0.5 };
const SHORTEST_TRIAL_MS = 1000;

export function capacityCommandLine(): Command {
  const command = new Command('capacity')
    .description(
      'How much does it hold? Runs a scenario at one level of load after the other, each with a fresh server, until it is ' +
        'known which level holds and which does not, and says what gave way there.',
    )
    .argument('<scenario>', 'a YAML file, or the name of a shipped scenario')
    .addOption(
      new Option('--find <what>', 'the most messages a second, or the most clients')
        .choices([...WANTED])
        .makeOptionMandatory(),
    )
    .requiredOption(
      '--until <gate>',
      'what has to hold, such as "latency.delivered.p99 < 250ms"; may be repeated',
      collect,
    )
    .option('--set <path=value>', 'override a value of the scenario; may be repeated', collect)
    .option('--from <level>', 'where to begin (default: as the scenario says)')
    .option('--max <level>', 'go no further')
    .option('--precision <share>', 'how near to the limit', '5%')
    .option('--trial <duration>', 'of a short trial (default: 10s, or the length of the scenario)')
    .option('--confirm <duration>', 'of a full trial (default: the length of the scenario)')
    .option('--max-trials <n>', 'no more trials than that', '60')
    .option('--max-time <duration>', 'no longer than that', '1h')
    .option(
      '--workers <list>',
      'the same with each number of workers of an embedded server, such as 1,2,3,4,6,8',
    )
    .option('--nodes <list>', 'the same with each number of nodes of an embedded cluster, such as 1,2,4')
    .option('--per-client', 'with clients.count: rates grow with the clients')
    .option('--without-gates', 'the gates of the scenario decide nothing')
    .option('--out <dir>', 'folder for all records (default: runs/<time>-<name>-capacity)')
    .option('--trust', 'as for c2m run')
    .option('--agents <nats-url>', 'as for c2m run')
    .option('--json', 'print capacity.json at the end and nothing else')
    .option('--quiet', 'show no progress');
  return telemetryOptions(natsOptions(command, false)).addHelpText(
    'after',
    `
Examples:
  c2m capacity ci-smoke --find messages.rate --until 'latency.delivered.p99 < 250ms'
  c2m capacity my.yaml --find clients.count --until 'latency.connect.p99 < 1s' --from 1000 --max 50000
  c2m capacity chat --find messages.rate --until 'latency.accepted.p99 < 100ms' --trial 5s --confirm 30s
  c2m capacity chat --find messages.rate --until 'latency.accepted.p99 < 100ms' --workers 1,2,3,4,6,8
  c2m capacity cluster-scale --find messages.rate --until 'latency.accepted.p99 < 500ms' --nodes 1,2,4
`,
  );
}

/** What the flags say, but for the scenario, its agents and the folder. @throws InputError */
export function readCapacityFlags(flags: CapacityFlags): Omit<CapacityOptions, 'load' | 'folder'> {
  const { find } = flags;
  if (flags.perClient && find !== 'clients.count')
    throw new InputError('--per-client is for --find clients.count');
  const from = optional(flags.from, (text) => readLevel('--from', text, find));
  const most = optional(flags.max, (text) => readLevel('--max', text, find));
  const precision = readFigure('--precision', 'share', flags.precision);
  if (precision < PRECISION.least || precision > PRECISION.most)
    throw new InputError(`--precision: ${flags.precision} is out of range; write 0.1% to 50%`);
  return {
    find,
    isPerClient: flags.perClient ?? false,
    until: flags.until.map(readUntil),
    areOwnGatesLeftOut: flags.withoutGates ?? false,
    from,
    most,
    precision,
    trialMs: optional(flags.trial, (text) => readTrial('--trial', text)),
    fullMs: optional(flags.confirm, (text) => readTrial('--confirm', text)),
    mostTrials: readNumberOfRuns('--max-trials', flags.maxTrials, 1, MOST_TRIALS),
    mostMs: readFigure('--max-time', 'duration', flags.maxTime),
    sizes: readSizes(flags),
  };
}

function readUntil(expression: string): Gate {
  try {
    const gate = parseGate(expression);
    if (gate.baselineFactor === undefined) return gate;
    throw new GateError('a base line says nothing of a level; write a limit');
  } catch (error) {
    if (!(error instanceof GateError)) throw error;
    throw new InputError(`--until: ${error.message}`);
  }
}

/** `5000`, and for a rate `5000/s` as well. */
function readLevel(option: string, text: string, find: Wanted): number {
  if (find === 'clients.count') return readFigure(option, 'count', text);
  const perSecond = readFigure(option, 'rate', /^[\d._]+$/.test(text) ? `${text}/s` : text);
  if (perSecond > 0) return perSecond;
  throw new InputError(`${option}: a level has to be more than nothing`);
}

function readTrial(option: string, text: string): number {
  const ms = readFigure(option, 'duration', text);
  if (ms >= SHORTEST_TRIAL_MS) return ms;
  throw new InputError(`${option}: ${text} is too short to tell anything; write 1s or more`);
}

function readSizes({ workers, nodes }: CapacityFlags): ServerSize[] {
  if (workers !== undefined && nodes !== undefined)
    throw new InputError(
      '--workers and --nodes are of two searches: one server has workers, a cluster has nodes',
    );
  if (workers !== undefined) return readSizesOf('workers', workers);
  return nodes === undefined ? [] : readSizesOf('nodes', nodes);
}

function readSizesOf(of: ServerSize['of'], text: string): ServerSize[] {
  const counts = text.split(',').map((part) => readFigure(`--${of}`, 'count', part));
  const sorted = [...new Set(counts)].sort((one, other) => one - other);
  if (sorted.length === counts.length && sorted.every((each) => each >= 1 && each <= MOST_SERVERS[of]))
    return sorted.map((count) => ({ of, count }));
  throw new InputError(`--${of}: "${text}" is no list of numbers; write each once, such as 1,2,3,4,6,8`);
}

function readFigure(option: string, kind: QuantityKind, text: string): number {
  try {
    return parseQuantity(kind, text);
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
    throw new InputError(`${option}: ${error.message}`);
  }
}

function optional<Value>(text: string | undefined, read: (text: string) => Value): Value | undefined {
  return text === undefined ? undefined : read(text);
}
