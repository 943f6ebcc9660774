import { figureAt, reasonForNoFigure } from './figure.js';
import { type Gate, parseGate } from './gate.js';
import { lagBehind } from './generator-lag.js';
import type { Measurement, RunRecord } from './run.js';

type JudgedGate = RunRecord['gates'][number];
type Figures = Omit<RunRecord, 'gates' | 'verdict'>;

/** A right server does none of this, so it needs no gate to fail; a scenario that names the metric decides itself. */
const IMPLIED_GATES = [
  'messages.lost == 0',
  'messages.duplicated == 0',
  'messages.corrupted == 0',
  'messages.heldBack == 0',
].map(parseGate);

/** A server that refuses all that it is sent loses nothing, and is of no use. */
const IMPLIED_DELIVERY = parseGate('messages.delivered > 0');

/** What can be said of messages where none was sent. */
const WITHOUT_MESSAGES = new Set([
  'messages.sent',
  'messages.due',
  'messages.unscheduled',
  'messages.unsent',
  'messages.heldBack',
  'messages.leftOver',
]);

/**
 * Turns what was measured into a record with a verdict. In this order: a target that died has failed; a run that one of its
 * gates ended has failed; one that was cut
 * short is `partial`; one whose generator could not keep its schedule is `invalid`; then the gates decide. Where one did
 * not hold, and would have held without the lag of the generator, nothing is proved against the server: `invalid`.
 * A figure that was not recorded fails its gate: silence is no proof that a limit held.
 */
export function judge(measurement: Measurement, gates: readonly Gate[]): RunRecord {
  const { isPartial, notes, ...rest } = measurement;
  const figures = { ...rest, notes };
  const judged = [
    ...gates.map((gate) => endedBy(figures, gate) ?? judgeGate(figures, gate, isPartial)),
    ...IMPLIED_GATES.filter(({ metric }) => !gates.some((gate) => gate.metric === metric))
      .filter(({ metric }) => (figureAt(figures, metric) ?? 0) > 0)
      .map((gate) => ({ ...judgeGate(figures, gate, isPartial), isImplied: true })),
    ...(deliversNothing(figures, gates)
      ? [
          {
            ...judgeGate(figures, IMPLIED_DELIVERY, isPartial),
            isImplied: true,
            note: 'nothing of what was sent arrived',
          },
        ]
      : []),
  ];
  return { ...rest, gates: judged, verdict: verdictOf(isPartial, figures, judged), notes };
}

function deliversNothing({ messages }: Figures, gates: readonly Gate[]): boolean {
  const isNamed = gates.some(({ metric }) => metric === IMPLIED_DELIVERY.metric);
  // Of what an agent had under way that was lost, nobody knows whether it arrived.
  const known = messages.sent - (messages.unknown ?? 0);
  // What was lost has failed it already.
  return !isNamed && known > 0 && messages.delivered === 0 && messages.lost === 0;
}

/** What the gate that ended the run was worth then: what came after it, as the run ended, changes nothing. */
function endedBy({ aborted }: Figures, { expression, baselineFactor, limit }: Gate): JudgedGate | undefined {
  if (aborted?.gate !== expression) return undefined;
  return {
    expression,
    ...(baselineFactor !== undefined && { limit }),
    value: aborted.value,
    passed: false,
    note: `it ended the run at ${aborted.atSeconds} s`,
  };
}

/** One gate, by what is known so far. */
export function judgeGate(figures: Figures, gate: Gate, isPartial: boolean): JudgedGate {
  const { metric } = gate;
  // Whoever judges it again has the record alone.
  const judged = {
    expression: gate.expression,
    ...(gate.baselineFactor !== undefined && { limit: gate.limit }),
  };
  const failed = (note: string): JudgedGate => ({ ...judged, value: null, passed: false, note });
  if (figures.connections.peak === 0 && !metric.startsWith('connections.'))
    return failed('not judged: nobody logged in');
  if (figures.messages.sent === 0 && metric.startsWith('messages.') && !WITHOUT_MESSAGES.has(metric))
    return failed(
      isPartial ? 'not judged: no message was sent until the run was stopped' : 'no message was sent',
    );
  const value = figureAt(figures, metric);
  if (value === null) return failed(reasonForNoFigure(metric));
  if (holds(value, gate)) return { ...judged, value, passed: true };
  const lag = lagBehind(figures, metric);
  if (!lag || !holds(lag.valueWithout, gate)) return { ...judged, value, passed: false };
  return { ...judged, value, passed: false, isUndecided: true, note: lag.note };
}

function holds(value: number, { operator, limit }: Gate): boolean {
  switch (operator) {
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
    case '==':
      return value === limit;
    case '!=':
      return value !== limit;
  }
}

function verdictOf(isPartial: boolean, figures: Figures, gates: JudgedGate[]): RunRecord['verdict'] {
  if (figures.target.died !== null) return 'failed';
  if (figures.aborted) return 'failed';
  if (isPartial) return 'partial';
  if (!figures.generator.valid) return 'invalid';
  if (gates.some(({ passed, isUndecided }) => !passed && !isUndecided)) return 'failed';
  return gates.some(({ isUndecided }) => isUndecided) ? 'invalid' : 'passed';
}
