import { RunError } from '../../loadgen/run-error.js';
import type { NatsOptions } from '../../nats/connect.js';
import type { Capacity, CapacitySearch, ServerSize } from '../../record/capacity.js';
import type { Gate } from '../../record/gate.js';
import { InputError } from '../../record/input-error.js';
import { type LoadedScenario, secretsOfLoaded } from '../../scenarios/load.js';
import { hideInOverride, hideInTexts } from '../../scenarios/secrets.js';
import { packageVersion } from '../version.js';
import type { LevelRange } from './level-range.js';
import { scalabilityOf } from './scalability-of.js';
import { type Bracket, searchCapacity, type WantedTrial } from './search.js';
import { gatesAt, type TrialGates, trialGates } from './trial-gates.js';
import { demandLevel, levelOf, phasesMs, trialOverrides, type Wanted } from './trial-scenario.js';
import { type TrialObservers, TrialSeries } from './trial-series.js';

export interface CapacityOptions {
  /** The scenario with these overrides behind those that it has already. */
  load(overrides: readonly string[]): Promise<LoadedScenario>;
  find: Wanted;
  /** With clients: the rates grow with them. */
  isPerClient: boolean;
  until: readonly Gate[];
  /** The gates of the scenario decide nothing. */
  areOwnGatesLeftOut: boolean;
  /** Left out: as the scenario says. */
  from: number | undefined;
  /** Left out: as far as the machines go. */
  most: number | undefined;
  /** A share of the level. */
  precision: number;
  /** Of the phases; left out: 10 s and the length of the scenario, or that alone where it is shorter. */
  trialMs: number | undefined;
  fullMs: number | undefined;
  /** Of each search, and milliseconds for all of them. */
  mostTrials: number;
  mostMs: number;
  /** Of an embedded server, a search each; empty: as the scenario says. */
  sizes: readonly ServerSize[];
  folder: string;
  signal?: AbortSignal;
  agents?: NatsOptions;
}

export interface CapacityOutcome {
  /** Without the words for it, which `reports/` has. */
  capacity: Capacity;
  /** Why it could not be completed. */
  failure: Error | undefined;
}

const TRIAL_MS = 10_000;
/** As the schema has them. */
const FEWEST_CLIENTS = 2;
const MOST_CLIENTS = 16_000_000;
const MOST_RATE = 1e9;

/**
 * How much a server holds: the highest level at which all gates hold, found by trials that are runs of their own.
 * @throws as `runScenario`, for what is wrong with the input before the first trial has begun
 */
export async function findCapacity(
  options: CapacityOptions,
  observers: TrialObservers = {},
): Promise<CapacityOutcome> {
  const startedAt = new Date();
  const startedMs = performance.now();
  const base = await options.load([]);
  const plan = planOf(options, base);
  const searches: CapacitySearch[] = [];
  let failure: Error | undefined;
  let from = plan.from;
  for (const size of options.sizes.length > 0 ? options.sizes : [null]) {
    const series = new TrialSeries(
      {
        load: (trial) => loadSame(options, base, overridesOf(options, plan, base, trial, size)),
        size,
        isFirst: searches.length === 0,
        folder: options.folder,
        within: size === null ? '' : `${size.of}-${size.count}`,
        mostTrials: options.mostTrials,
        endsAtMs: startedMs + options.mostMs,
        signal: options.signal,
        agents: options.agents,
      },
      observers,
    );
    const search = await runSearch(series, from, plan.range, size);
    searches.push(search);
    failure = series.failure;
    if (series.isLast) break;
    from = search.holds?.level ?? from;
  }
  const { gates, trialMs, fullMs } = plan;
  // It may be passed on, as a record may.
  const secrets = secretsOfLoaded(base);
  return {
    failure,
    capacity: {
      schema: 'c2m.capacity/1',
      name: base.scenario.name,
      c2m: packageVersion(),
      startedAt: startedAt.toISOString(),
      durationSeconds: Math.round(performance.now() - startedMs) / 1000,
      scenario: {
        file: base.source.file,
        overrides: base.source.overrides.map((override) => hideInOverride(override, secrets)),
      },
      find: options.find,
      isPerClient: options.isPerClient,
      until: gates.until,
      alsoHolds: gates.also,
      leftOut: gates.leftOut,
      settings: {
        from: plan.from,
        most: options.most ?? null,
        precision: options.precision,
        trialSeconds: trialMs / 1000,
        fullSeconds: fullMs / 1000,
        mostTrials: options.mostTrials,
        mostSeconds: options.mostMs / 1000,
      },
      // What went wrong may quote what was asked for.
      searches: hideInTexts(searches, secrets),
      scalability: options.sizes.length > 1 ? scalabilityOf(searches) : null,
    },
  };
}

/** What all searches have in common. */
interface CapacityPlan {
  from: number;
  range: LevelRange;
  gates: TrialGates;
  trialMs: number;
  fullMs: number;
}

function planOf(options: CapacityOptions, { scenario }: LoadedScenario): CapacityPlan {
  const { find, until, areOwnGatesLeftOut, precision } = options;
  demandLevel(scenario, find, options.sizes[0]?.of);
  const from = options.from ?? levelOf(scenario, find);
  const isWhole = find === 'clients.count';
  const least = isWhole ? FEWEST_CLIENTS : Math.min(1, from / 2);
  const most = options.most ?? (isWhole ? MOST_CLIENTS : MOST_RATE);
  if (from > most)
    throw new InputError(`--max: ${most} is less than what the search begins with, ${from}; give --from too`);
  if (from < least) throw new InputError(`--from: ${from} is less than the fewest clients, ${least}`);
  const wholeMs = phasesMs(scenario);
  const trialMs = options.trialMs ?? Math.min(TRIAL_MS, options.fullMs ?? wholeMs);
  const fullMs = options.fullMs ?? Math.max(wholeMs, trialMs);
  if (fullMs < trialMs) throw new InputError('--confirm must not be shorter than --trial');
  return {
    from,
    range: { least, most, isWhole, precision },
    gates: trialGates(until, scenario, areOwnGatesLeftOut),
    trialMs,
    fullMs,
  };
}

/** @throws RunError where one of its files has become another one since the search began; what the level asks for too much */
async function loadSame(
  { load }: CapacityOptions,
  base: LoadedScenario,
  overrides: readonly string[],
): Promise<LoadedScenario> {
  let loaded: LoadedScenario;
  try {
    loaded = await load(overrides);
  } catch (error) {
    // It is the level that asks for what a scenario may not have, if without it the scenario is what it was.
    const same = await load([]).catch(() => undefined);
    if (same && textsOf(same) === textsOf(base)) throw error;
    throw changed(base, error as Error);
  }
  if (textsOf(loaded) === textsOf(base)) return loaded;
  throw changed(base);
}

function changed({ source }: LoadedScenario, error?: Error): RunError {
  const told = error ? `: ${error.message}` : '';
  return new RunError(
    'C2M_RUN',
    `${source.file} was changed while the search went on${told}; what the trials say of each other would not be of one scenario`,
  );
}

/** Of the file and of those that it extends and imports. */
function textsOf({ source: { text, bases = [] } }: LoadedScenario): string {
  return JSON.stringify([text, ...bases.map((base) => base.text)]);
}

function overridesOf(
  { find, isPerClient }: CapacityOptions,
  { gates, trialMs, fullMs }: CapacityPlan,
  { scenario }: LoadedScenario,
  { level, length }: WantedTrial,
  size: ServerSize | null,
): string[] {
  return trialOverrides(scenario, {
    find,
    level,
    isPerClient,
    durationMs: length === 'full' ? fullMs : trialMs,
    gates: gatesAt(gates, find === 'clients.count' ? level : scenario.clients.count),
    size,
  });
}

async function runSearch(
  series: TrialSeries,
  from: number,
  range: LevelRange,
  size: ServerSize | null,
): Promise<CapacitySearch> {
  const bracket: Bracket = { holds: null, breaks: null };
  const wanted = searchCapacity(from, range, bracket);
  let step = wanted.next();
  while (!step.done) {
    const verdict = await series.run(step.value);
    if (verdict === undefined) break;
    step = wanted.next(verdict);
  }
  return {
    workers: size?.of === 'workers' ? size.count : null,
    nodes: size?.of === 'nodes' ? size.count : null,
    end: step.done ? step.value : 'stopped',
    whyStopped: series.whyStopped,
    ...bracket,
    because: null,
    conclusion: '',
    trials: series.trials,
  };
}
