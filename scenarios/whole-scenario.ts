import { didYouMean } from '../record/near-match.js';
import { quote } from '../record/quantity.js';
import { actionProblem } from './action-schema.js';
import type { Finding } from './finding.js';
import { conditionOf } from './gate-schema.js';
import { figureOf, mapOf, mapsOf, type RawMap, rawTarget } from './raw-scenario.js';
import { secretsIn } from './secrets.js';

/** A message with a link and a thumbnail has about this much beside the ledger's header. */
const SMALLEST_WITH_LINK = 2048;

/**
 * What parts of a scenario say of each other, which no part can know alone. It is asked whatever else is wrong, so that
 * everything is told at once.
 * @param content as YAML holds it, overrides applied
 * @param secrets that no key of it tells, as they came from the environment
 */
export function findingsAcross(content: unknown, secrets: readonly string[]): Finding[] {
  const scenario = mapOf(content);
  return [
    ...actionsPastPhases(scenario),
    ...clusterNeeds(scenario),
    ...doubleNames(scenario),
    ...mediaNeeds(scenario),
    ...gatesOnUnnamedSeries(scenario),
    ...namesWithSecrets(scenario, secrets),
  ];
}

function actionsPastPhases(scenario: RawMap): Finding[] {
  const durations = mapsOf(scenario.phases).map(({ duration }) => figureOf('duration', duration));
  const isKnown = durations.length > 0 && durations.every((each) => each !== undefined);
  const { kind, keys } = rawTarget(scenario);
  const cluster = rawCluster(keys);
  const facts = {
    endMs: isKnown ? durations.reduce<number>((sum, each) => sum + (each ?? 0), 0) : undefined,
    targetKind: kind,
    store: mapOf(keys.embedded).store,
    transport: mapOf(scenario.generator).transport,
    cluster,
  };
  return mapsOf(scenario.actions).flatMap((entry, index) => {
    const problem = actionProblem(entry, facts);
    return problem ? [{ path: ['actions', index, problem.key], message: problem.message }] : [];
  });
}

/** How many there are as far as the file says it, with the counts that are meant where it does not; undefined: no cluster. */
function rawCluster({ embedded }: RawMap): { nodes: unknown; nats: unknown } | undefined {
  const { cluster } = mapOf(embedded);
  if (cluster === undefined) return undefined;
  const { nodes = 3, nats = 3 } = mapOf(cluster);
  return { nodes, nats };
}

function clusterNeeds(scenario: RawMap): Finding[] {
  const { keys } = rawTarget(scenario);
  if (!rawCluster(keys)) return [];
  const findings: Finding[] = [];
  if (mapOf(keys.embedded).store !== undefined) {
    const message = 'is NATS in a cluster; leave it out';
    findings.push({ path: ['target', 'embedded', 'store'], message });
  }
  if (scenario.media !== undefined)
    findings.push({
      path: ['media'],
      message: 'go to one server; leave them out, or target.embedded.cluster',
    });
  if (mapOf(scenario.generator).transport === 'packets') {
    const message = 'packets are for one server; write sockets, or leave out target.embedded.cluster';
    findings.push({ path: ['generator', 'transport'], message });
  }
  return findings;
}

function doubleNames({ phases }: RawMap): Finding[] {
  const names = new Set<unknown>();
  return mapsOf(phases).flatMap(({ name }, index) => {
    const isSecond = typeof name === 'string' && names.has(name);
    names.add(name);
    return isSecond ? [{ path: ['phases', index, 'name'], message: `${quote(name)} names two phases` }] : [];
  });
}

function mediaNeeds(scenario: RawMap): Finding[] {
  if (scenario.media === undefined) return [];
  const { kind, keys } = rawTarget(scenario);
  const findings: Finding[] = [];
  if (kind !== undefined && kind !== 'embedded' && keys.media === undefined) {
    findings.push({ path: ['target', 'media'], message: 'is missing; where are media uploaded to?' });
  }
  const { size } = mapOf(scenario.messages);
  const { fixed = size, uniform, lognormal } = mapOf(size);
  const bytes = figureOf('size', fixed);
  const isLarge = bytes !== undefined && bytes >= SMALLEST_WITH_LINK;
  // A size that cannot be read is told as that.
  const isReadable =
    size === undefined || bytes !== undefined || uniform !== undefined || lognormal !== undefined;
  if (isReadable && !isLarge) {
    findings.push({
      path: ['messages', 'size'],
      message: 'must be one size of at least 2KiB, so that a link and its thumbnail fit',
    });
  }
  return findings;
}

/** The series that a record has are those that the scenario names. */
function gatesOnUnnamedSeries(scenario: RawMap): Finding[] {
  const named = Object.keys(mapOf(mapOf(rawTarget(scenario).keys.metrics).series));
  const gates = Array.isArray(scenario.gates) ? scenario.gates : [];
  return gates.flatMap((gate, index) => {
    const [, name] = /^serverMetrics\.([^.\s]+)\./.exec(conditionOf(gate)) ?? [];
    if (name === undefined || named.includes(name)) return [];
    const hint = didYouMean(name, named) || '; write what it is on the page of the server';
    return [{ path: ['gates', index], message: `target.metrics.series has no ${quote(name)}${hint}` }];
  });
}

/** Names stand in the record, in its folder and in every chart, where a token could not be hidden any more. */
function namesWithSecrets(scenario: RawMap, further: readonly string[]): Finding[] {
  const secrets = [...further, ...secretsIn(scenario)];
  const names: [Finding['path'], unknown][] = [
    [['name'], scenario.name],
    ...mapsOf(scenario.phases).map(({ name }, index): [Finding['path'], unknown] => [
      ['phases', index, 'name'],
      name,
    ]),
  ];
  return names
    .filter(([, name]) => typeof name === 'string' && secrets.some((secret) => name.includes(secret)))
    .map(([path]) => ({ path, message: 'holds a secret, and names are told in the record; write another' }));
}
