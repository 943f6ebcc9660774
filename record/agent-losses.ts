import type { RunRecord } from './run.js';

type Hosts = RunRecord['hosts'];

/** Agents of one host that were lost for the same reason, one after the other: what cut off a machine cut off all of them. */
export interface AgentLoss {
  host: string;
  /** Their numbers, rising. */
  agents: number[];
  clients: number;
  /** When the first and the last of them was given up. */
  fromSeconds: number;
  toSeconds: number;
  why: string;
}

/** Further apart, losses on one host are told by themselves. */
const TOGETHER_SECONDS = 2;
/** A list of numbers that is longer says nothing more to anybody. */
const RANGES_TOLD = 5;

/** Who was lost, the first first; what happened together is one entry. */
export function agentLosses(hosts: Hosts): AgentLoss[] {
  const losses = hosts.flatMap(({ name, agents }) => {
    const lost = agents
      .flatMap(({ agent, clients, lost }) => (lost ? [{ agent, clients, ...lost }] : []))
      .sort((one, other) => one.atSeconds - other.atSeconds);
    const ofHost: AgentLoss[] = [];
    for (const { agent, clients, atSeconds, why } of lost) {
      const same = ofHost.find((each) => each.why === why && atSeconds - each.toSeconds <= TOGETHER_SECONDS);
      if (same) {
        same.agents.push(agent);
        same.clients += clients;
        same.toSeconds = atSeconds;
      } else {
        ofHost.push({
          host: name,
          agents: [agent],
          clients,
          fromSeconds: atSeconds,
          toSeconds: atSeconds,
          why,
        });
      }
    }
    return ofHost;
  });
  for (const { agents } of losses) agents.sort((one, other) => one - other);
  return losses.sort((one, other) => one.fromSeconds - other.fromSeconds);
}

/** `agent 3 on b was lost at 12.4 s: ended (SIGKILL)`, `agents 10 to 19 on b were lost at 12.4 s: …`. */
export function lossWords(loss: AgentLoss): string {
  const { agents, fromSeconds, toSeconds, why } = loss;
  const [from, to] = [fromSeconds.toFixed(1), toSeconds.toFixed(1)];
  const when = from === to ? `at ${from} s` : `from ${from} s to ${to} s`;
  return `${whoWords(loss)} ${agents.length === 1 ? 'was' : 'were'} lost ${when}: ${why}`;
}

/** `agent 3 on b`, `agents 1 and 10 to 19 on b`. */
export function whoWords({ host, agents }: Pick<AgentLoss, 'host' | 'agents'>): string {
  return `${agents.length === 1 ? 'agent' : 'agents'} ${numberWords(agents)} on ${host}`;
}

/** @param numbers rising */
function numberWords(numbers: readonly number[]): string {
  const ranges: { from: number; to: number }[] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && number === last.to + 1) last.to = number;
    else ranges.push({ from: number, to: number });
  }
  const told = ranges.slice(0, RANGES_TOLD);
  const words = told.map(({ from, to }) =>
    from === to ? String(from) : to === from + 1 ? `${from}, ${to}` : `${from} to ${to}`,
  );
  const untold = numbers.filter((number) => number > (told.at(-1)?.to ?? 0)).length;
  if (untold > 0) return `${words.join(', ')} and ${untold} more`;
  const last = words.pop() ?? '';
  return words.length === 0 ? last.replace(',', ' and') : `${words.join(', ')} and ${last}`;
}
