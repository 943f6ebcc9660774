import { whoWords } from '../../record/agent-losses.js';
import type { RunRecord } from '../../record/run.js';
import { formatFigure, formatMilliseconds, formatRatio } from '../format.js';
import { agentsOf, type PlacedAgent, sumOf } from './agent-hosts.js';

/** From this share of its cores on, a process or a machine has no more to give. */
const CEILING_SHARE = 0.85;

/**
 * Which agent was the slowest, and whether that mattered, in a sentence; undefined with fewer than two agents, or where
 * nobody sent anything.
 */
export function slowestSentence(record: RunRecord): string | undefined {
  const agents = agentsOf(record);
  const [slowest, next] = agents
    .filter(({ lagP99Ms }) => lagP99Ms !== null)
    .sort((one, other) => (other.lagP99Ms ?? 0) - (one.lagP99Ms ?? 0));
  if (agents.length < 2 || !slowest) return undefined;
  const others = next ? ` (others ${formatFigure(next.lagP99Ms, 'ms')} at most)` : '';
  const { words, mattered } = consequence(record, slowest, agents);
  const cpu = mattered ? cpuWords(record, slowest) : '';
  return (
    `${whoWords({ host: slowest.host, agents: [slowest.agent] })} was the slowest: ` +
    `lag p99 ${formatFigure(slowest.lagP99Ms, 'ms')}${others}; ${words}${cpu}`
  );
}

/** What came of its being slow. */
function consequence(
  { generator, gates }: RunRecord,
  slowest: PlacedAgent,
  agents: readonly PlacedAgent[],
): { words: string; mattered: boolean } {
  const limit = formatMilliseconds(generator.lagLimitMs);
  const late = agents.reduce((sum, each) => sum + each.late, 0);
  const sent = agents.reduce((sum, each) => sum + each.sent, 0);
  if ((generator.lagMs.p99 ?? 0) > generator.lagLimitMs && late > 0) {
    const share = formatRatio(slowest.late / late);
    return {
      words: `it mattered: ${share} of the messages that left past the limit of ${limit} were its own`,
      mattered: true,
    };
  }
  const undecided = gates.find(({ isUndecided }) => isUndecided);
  if (undecided) {
    return {
      words: `it mattered: for the lag of the generator, ${undecided.expression} is undecided`,
      mattered: true,
    };
  }
  if ((slowest.lagP99Ms ?? 0) <= generator.lagLimitMs)
    return { words: `it did not matter: the limit is ${limit}`, mattered: false };
  const [own, ofAll] = [slowest.late / Math.max(1, slowest.sent), slowest.late / Math.max(1, sent)];
  return {
    words:
      `it mattered to its own messages: ${formatRatio(own)} of them left past the limit of ${limit}, ` +
      `which is ${formatRatio(ofAll)} of all`,
    mattered: true,
  };
}

/** Why it was slow, as far as its CPU tells. */
function cpuWords({ hosts }: RunRecord, { host, agent, cpuCores }: PlacedAgent): string {
  const { mean } = cpuCores;
  if (mean === null) return '';
  if (mean >= CEILING_SHARE)
    return `; its CPU was at its ceiling, ${formatFigure(mean, 'cores')} of the one that an agent has`;
  // Names may be given twice; the numbers of agents are not.
  const own = hosts.find(({ agents }) => agents.some((each) => each.agent === agent));
  const cores = sumOf(own?.agents.map((each) => each.cpuCores.mean) ?? []) ?? 0;
  const all = own?.environment.cores ?? Number.POSITIVE_INFINITY;
  if (cores >= all * CEILING_SHARE)
    return `; the agents on ${host} had ${cores.toFixed(2)} of its ${formatFigure(all, 'cores')} in use`;
  return `; its CPU was not at its ceiling: ${formatFigure(mean, 'cores')} in use`;
}
