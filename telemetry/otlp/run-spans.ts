import { LATENCY_KINDS, type RunRecord } from '../../record/run.js';
import { LONE_RUN, placeAttributes } from '../run-place.js';

/** A span as a run has it, with the spans within; times are milliseconds since 1970. */
export interface RunSpan {
  name: string;
  startMs: number;
  endMs: number;
  attributes: Record<string, string | number | boolean>;
  events: { name: string; atMs: number; attributes: Record<string, string | number> }[];
  /** Why it is an error; undefined: it is none. */
  error?: string;
  children: RunSpan[];
}

/** More than any scenario plans; what a cluster does by itself has no bound of its own. */
const MOST_MARKS = 500;
const MOST_ALERTS = 100;

/** A trace is named by its run: the id of the record, as a trace has it. */
export function traceIdOf({ id }: Pick<RunRecord, 'id'>): string | undefined {
  const hex = id.replaceAll('-', '').toLowerCase();
  return /^[0-9a-f]{32}$/.test(hex) && !/^0+$/.test(hex) ? hex : undefined;
}

/** The run with its phases, and within each phase what was done while it lasted. */
export function runSpans(record: RunRecord, place = LONE_RUN): RunSpan {
  const startedAtMs = Date.parse(record.startedAt);
  const at = (seconds: number): number => startedAtMs + seconds * 1000;
  const endMs = at(record.durationSeconds);
  const phases = record.phases.map((phase) => phaseSpan(phase, at));
  const run: RunSpan = {
    name: `run ${record.name}`,
    startMs: startedAtMs,
    endMs,
    attributes: {
      'c2m.run.id': record.id,
      'c2m.scenario': record.name,
      'c2m.verdict': record.verdict,
      'c2m.target.kind': record.target.kind,
      'c2m.target.driver': record.target.driver?.name ?? 'c2m',
      'c2m.clients': record.connections.target,
      'c2m.messages.sent': record.messages.sent,
      'c2m.messages.delivered': record.messages.delivered,
      'c2m.messages.lost': record.messages.lost,
      ...placeAttributes(place),
    },
    events: [
      ...record.gates
        .filter(({ passed }) => !passed)
        .map(({ expression, value }) => ({
          name: 'gate did not hold',
          atMs: endMs,
          attributes: { 'c2m.gate': expression, ...(value !== null && { 'c2m.gate.value': value }) },
        })),
      ...record.marks
        .filter(({ isOfCluster }) => isOfCluster)
        .slice(0, MOST_MARKS)
        .map(({ label, atSeconds }) => ({ name: label, atMs: at(atSeconds), attributes: {} })),
    ],
    ...(record.verdict !== 'passed' && { error: record.target.died ?? record.verdict }),
    children: [...phases, ...alertSpans(record, at)],
  };
  for (const mark of record.marks.filter((each) => !each.isOfCluster && !each.isEnd).slice(0, MOST_MARKS)) {
    const startMs = at(mark.atSeconds);
    const parent = phases.findLast((phase) => phase.startMs <= startMs) ?? run;
    parent.children.push({
      name: mark.label,
      startMs,
      endMs: at(mark.endSeconds ?? mark.atSeconds),
      attributes: { 'c2m.action': mark.label },
      events: [],
      ...(mark.label.endsWith(' failed') && { error: mark.label }),
      children: [],
    });
  }
  return run;
}

function phaseSpan(
  { name, startSeconds, endSeconds, latency }: RunRecord['phases'][number],
  at: (seconds: number) => number,
): RunSpan {
  const latencies = LATENCY_KINDS.flatMap((kind) => {
    const { count, p50, p99 } = latency?.[kind] ?? { count: 0, p50: null, p99: null };
    if (count === 0 || p50 === null || p99 === null) return [];
    return [
      [`c2m.latency.${kind}.p50`, p50 / 1000],
      [`c2m.latency.${kind}.p99`, p99 / 1000],
    ] as const;
  });
  return {
    name: `phase ${name}`,
    startMs: at(startSeconds),
    endMs: at(endSeconds),
    attributes: { 'c2m.phase': name, ...Object.fromEntries(latencies) },
    events: [],
    children: [],
  };
}

function alertSpans({ backlog, durationSeconds }: RunRecord, at: (seconds: number) => number): RunSpan[] {
  return backlog.alerts.slice(0, MOST_ALERTS).map(({ queue, startSeconds, endSeconds, threshold, peak }) => ({
    name: `queue ${queue} past its threshold`,
    startMs: at(startSeconds),
    endMs: at(endSeconds ?? durationSeconds),
    attributes: { 'c2m.queue': queue, 'c2m.queue.threshold': threshold, 'c2m.queue.peak': peak },
    events: [],
    children: [],
  }));
}
