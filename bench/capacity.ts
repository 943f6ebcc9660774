import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { type CapacityOptions, findCapacity } from '../lab/capacity/find-capacity.js';
import { freePorts } from '../lab/cluster/free-ports.js';
import { Random } from '../loadgen/random.js';
import type { Capacity } from '../record/capacity.js';
import { parseGate } from '../record/gate.js';
import { parseQuantity } from '../record/quantity.js';
import { loadScenario } from '../scenarios/load.js';

/**
 * Does `c2m capacity` find a limit that is known? A chat server lets through so many messages a second (a token bucket), or
 * so many connections; how many is drawn anew for each try, and the search is not told.
 */
interface Options {
  tries: number;
  seed: number;
  fixture: 'rate' | 'connections' | 'both';
  trial?: string;
  confirm?: string;
  precision: string;
  until?: string;
}

/** A limit to be found. */
interface Fixture {
  name: 'rate' | 'connections';
  unit: string;
  find: CapacityOptions['find'];
  least: number;
  most: number;
  until: string;
  from: number;
  trial: string;
  confirm: string;
}

const FIXTURES: readonly Fixture[] = [
  {
    name: 'rate',
    unit: 'messages/s',
    find: 'messages.rate',
    least: 800,
    most: 3000,
    until: 'latency.delivered.p99 < 250ms',
    from: 600,
    trial: '5s',
    confirm: '15s',
  },
  {
    name: 'connections',
    unit: 'connections',
    find: 'clients.count',
    least: 40,
    most: 800,
    until: 'latency.connect.p99 < 1s',
    from: 50,
    trial: '1s',
    confirm: '2s',
  },
];

const SERVER = resolve('test/fixtures/commands/limited-chat.mjs');
/** What the search promises. */
const NEAR = 0.05;
const PROMISED = 19 / 20;

const options = new Command('bench:capacity')
  .option('--tries <n>', 'of each limit', Number, 20)
  .option('--seed <n>', 'the limits follow from it', Number, 1)
  .option('--fixture <name>', 'rate, connections, or both', 'both')
  .option('--trial <duration>', 'of a short trial (rate: 5s, connections: 1s)')
  .option('--confirm <duration>', 'of a full trial (rate: 15s, connections: 2s)')
  .option('--until <gate>', 'for the rate: instead of latency.delivered.p99 < 250ms')
  .option('--precision <share>', 'as of c2m capacity', '5%')
  .parse()
  .opts<Options>();

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());

const chosen = FIXTURES.filter(({ name }) => options.fixture === 'both' || options.fixture === name);
for (const fixture of chosen) {
  const random = new Random(options.seed);
  let near = 0;
  let tries = 0;
  while (tries < options.tries && !stopping.signal.aborted) {
    const limit = Math.round(fixture.least * (fixture.most / fixture.least) ** random.next());
    const startedAt = performance.now();
    const { searches } = await searchFor(fixture, limit);
    const [search] = searches;
    if (!search || stopping.signal.aborted) break;
    tries += 1;
    const found = search.holds?.level ?? 0;
    const isNear = search.end === 'found' && Math.abs(found / limit - 1) <= NEAR;
    near += Number(isNear);
    const trials = search.trials.length;
    console.log(
      `${fixture.name} ${String(tries).padStart(3)}: limit ${limit} ${fixture.unit}, holds ${found}, breaks at ${search.breaks?.level ?? '–'} ` +
        `(${search.end}, ${((found / limit - 1) * 100).toFixed(1)} %, ${trials} trials, ${Math.round((performance.now() - startedAt) / 1000)} s, load ${loadavg()[0]?.toFixed(0)})${isNear ? '' : '  NOT WITHIN 5 %'}`,
    );
  }
  console.log(`${fixture.name}: ${near} of ${tries} within 5 %, seed ${options.seed}`);
  if (near < tries * PROMISED) process.exitCode = 1;
}

async function searchFor(
  { name, find, until, from, trial, confirm }: Fixture,
  limit: number,
): Promise<Capacity> {
  const folder = mkdtempSync(join(tmpdir(), 'c2m-capacity-'));
  try {
    const [port] = await freePorts(1);
    const file = join(folder, 'limited.yaml');
    writeFileSync(file, scenarioOf(port as number, name, limit));
    const { capacity, failure } = await findCapacity({
      load: (more) => loadScenario(file, more, { isTrusted: true }),
      find,
      isPerClient: false,
      until: [parseGate(name === 'rate' ? (options.until ?? until) : until)],
      areOwnGatesLeftOut: false,
      from,
      most: undefined,
      precision: parseQuantity('share', options.precision),
      trialMs: parseQuantity('duration', options.trial ?? trial),
      fullMs: parseQuantity('duration', options.confirm ?? confirm),
      mostTrials: 60,
      mostMs: 3_600_000,
      sizes: [],
      folder: join(folder, 'records'),
      signal: stopping.signal,
    });
    if (failure) throw failure;
    return capacity;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function scenarioOf(port: number, limit: Fixture['name'], value: number): string {
  return `name: limited
target:
  command: ${JSON.stringify([process.execPath, SERVER, '--port', String(port), `--${limit}`, String(value)])}
  addresses: [ws://127.0.0.1:${port}]
  driver: { websocket: { preset: json-chat } }
clients: { count: 50, connectRate: 500/s, connectTimeout: 2s }
phases: [{ name: talk, duration: 8s, rate: 50/s }]
# What a busy machine holds up is told as the lag of the generator; 250 ms of that would be the whole of the limit.
generator: { drain: 2s, lagLimit: 250ms }
`;
}
