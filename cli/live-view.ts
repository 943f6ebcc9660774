import type { AgentsAtWork } from '../loadgen/run.js';
import { whoWords } from '../record/agent-losses.js';
import { printableData } from '../record/printable.js';
import type { TimelineSample } from '../record/timeline.js';
import { formatCount, formatMilliseconds, formatSeconds } from '../reports/format.js';
import type { Scenario } from '../scenarios/scenario.js';
import { liveRows, longestQueue, NO_TROUBLE, withTroubleOf } from './live-rows.js';
import { canBeRedrawn, type Frame, redrawnScreen } from './redrawn-screen.js';

/** What a run shows of itself while it goes on. */
export interface LiveView {
  phase(phase: { name: string; durationMs: number | null }): void;
  sample(sample: TimelineSample): void;
  agents(agents: AgentsAtWork): void;
  /** The first Ctrl-C was heard. */
  interrupted(): void;
  /** Takes the view away, so that what is written next stands alone. */
  end(): void;
}

const REDRAW_MS = 250;

/** @param stream a terminal gets a view redrawn in place, anything else a line for each sample */
export function liveView(scenario: Scenario, stream: NodeJS.WriteStream): LiveView {
  const view = canBeRedrawn(stream) ? redrawnView(scenario, stream) : lineView(stream);
  // Names of phases are the scenario's, names of queues the server's, names of hosts their owners'.
  return {
    ...view,
    phase: (phase) => view.phase(printableData(phase)),
    sample: (sample) => view.sample(printableData(sample)),
    agents: (agents) => view.agents(printableData(agents)),
  };
}

/** For `--quiet`. */
export const noView: LiveView = {
  phase: () => undefined,
  sample: () => undefined,
  agents: () => undefined,
  interrupted: () => undefined,
  end: () => undefined,
};

/** Plain lines of aligned columns: `grep drain` and `awk` find their way. */
function lineView(stream: NodeJS.WriteStream): LiveView {
  let lostTold = 0;
  return {
    ...noView,
    phase: ({ name, durationMs }) => {
      stream.write(`phase ${name}${durationMs === null ? '' : ` for ${formatSeconds(durationMs / 1000)}`}\n`);
    },
    sample: (sample) => stream.write(`${sampleLine(sample)}\n`),
    agents: ({ agents, hosts, lost }) => {
      if (lost.length === 0 && hosts > 1) stream.write(`agents ${agents} on ${hosts} hosts\n`);
      for (const { agent, host, why } of lost.slice(lostTold))
        stream.write(`lost ${whoWords({ host, agents: [agent] })}: ${why}\n`);
      lostTold = lost.length;
    },
    interrupted: () => stream.write('interrupted: the run ends now and is recorded as partial\n'),
  };
}

/** One second of a run in one line, every figure with its name. */
export function sampleLine(sample: TimelineSample): string {
  const { connections, messages, latency, seconds } = sample;
  const perSecond = (count: number): string => `${formatCount(Math.round(count / seconds))}/s`;
  const [queue, length] = longestQueue(sample);
  const { delivered } = latency;
  return [
    `${sample.t.toFixed(1)} s`.padStart(8),
    sample.phase.padEnd(12),
    `open ${formatCount(connections.open).padStart(7)}`,
    `failed ${formatCount(connections.failed)}`.padEnd(8),
    `sent ${perSecond(messages.sent).padStart(8)}`,
    `delivered ${perSecond(messages.delivered).padStart(8)}`,
    `p50 ${delivered ? formatMilliseconds(delivered.p50) : '–'}`.padEnd(11),
    `p99 ${delivered ? formatMilliseconds(delivered.p99) : '–'}`.padEnd(11),
    `in-flight ${formatCount(messages.inFlight).padStart(6)}`,
    queue === '' ? 'backlog –' : `backlog ${formatCount(length)} (${queue})`,
  ].join('  ');
}

function redrawnView(scenario: Scenario, stream: NodeJS.WriteStream): LiveView {
  const screen = redrawnScreen(stream);
  const startedMs = performance.now();
  let phase: { name: string; durationMs: number | null; sinceMs: number } | undefined;
  let sample: TimelineSample | undefined;
  let agents: AgentsAtWork | undefined;
  let isInterrupted = false;
  let totals = NO_TROUBLE;
  const frame: Frame = (room) => {
    const nowMs = performance.now();
    const leftMs = phase && phase.durationMs !== null ? phase.durationMs - (nowMs - phase.sinceMs) : null;
    return liveRows(
      {
        scenario,
        elapsedMs: nowMs - startedMs,
        phase: phase && { name: phase.name, leftMs },
        sample,
        agents,
        totals,
        isInterrupted,
      },
      room,
    );
  };
  const draw = (): void => screen.draw(frame);
  const timer = setInterval(draw, REDRAW_MS);
  timer.unref();
  draw();
  return {
    phase: (next) => {
      phase = { ...next, sinceMs: performance.now() };
      draw();
    },
    sample: (next) => {
      sample = next;
      totals = withTroubleOf(next, totals);
      draw();
    },
    agents: (next) => {
      agents = next;
      draw();
    },
    interrupted: () => {
      isInterrupted = true;
      draw();
    },
    end: () => {
      clearInterval(timer);
      screen.clear();
    },
  };
}
