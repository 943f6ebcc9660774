import type { Measurement, RecordedAgent, RecordedHost } from '../../record/run.js';
import type { AgentPlan } from '../agent-messages.js';
import type { AgentHost } from '../coordination/coordinator.js';
import type { FinishedRun } from './finished-run.js';

type Run = Pick<
  FinishedRun,
  'request' | 'pool' | 'recorder' | 'agents' | 'clocks' | 'startMs' | 'endMs' | 'isOver'
>;

/** The machines that the clients were on, in the order of their agents, each with what its agents did. */
export function recordedHosts(run: Run): Measurement['hosts'] {
  const hosts = new Map<string, RecordedHost>();
  run.pool.plans.forEach((plan, agent) => {
    const host = run.pool.hostOf(agent);
    // Without one the agents were never started, and nothing was measured.
    if (!host) return;
    const recorded = hosts.get(host.id) ?? recordedHost(run, host);
    hosts.set(host.id, recorded);
    recorded.agents.push(recordedAgent(run, plan, agent));
  });
  return [...hosts.values()];
}

function recordedHost({ clocks }: Run, { id, name, environment, clock }: AgentHost): RecordedHost {
  const report = clocks.find(({ host }) => host === id);
  return {
    name,
    environment,
    clock: clock && {
      offsetMs: rounded(clock.offsetMs),
      uncertaintyMs: rounded(Math.max(clock.uncertaintyMs, report?.uncertaintyMs ?? 0)),
      driftMs: typeof report?.driftMs === 'number' ? rounded(report.driftMs) : null,
    },
    agents: [],
  };
}

function recordedAgent(run: Run, { firstUser, count }: AgentPlan, agent: number): RecordedAgent {
  const { pool, recorder, agents, request } = run;
  const { sent, delivered } = pool.totals(agent) ?? recorder.sumsOf(agent);
  return {
    agent,
    firstUser,
    clients: count,
    sent,
    delivered,
    ...agents.figures(agent, request.scenario.generator.lagLimitMs),
    lost: lossOf(run, agent),
  };
}

/** Null: it has given account of its messages. */
function lossOf({ pool, startMs, endMs, isOver }: Run, agent: number): RecordedAgent['lost'] {
  const seconds = (ms: number): number => Math.max(0, Math.round(ms - startMs) / 1000);
  const loss = pool.losses.find((each) => each.agent === agent);
  if (loss) return { atSeconds: seconds(loss.atMs), why: loss.why };
  if (!isOver || pool.totals(agent) !== undefined) return null;
  return { atSeconds: seconds(endMs), why: 'gave no account of its messages when the run was over' };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
