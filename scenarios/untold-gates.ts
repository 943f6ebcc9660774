import type { Finding } from './finding.js';
import { conditionOf } from './gate-schema.js';
import { mapOf, type RawMap, rawTarget } from './raw-scenario.js';

/** Figures of a server that is not ours, and which keys of its target tell them. */
const TOLD_BY: { figures: RegExp; keys: readonly string[] }[] = [
  { figures: /^backlog\./, keys: ['admin'] },
  {
    figures: /^(memory\.bytesPerConnection\.(server|total)\b|phases\.[^.\s]+\.memory\.server)/,
    keys: ['admin', 'command', 'pid', 'cgroup'],
  },
  { figures: /^serverProcesses\./, keys: ['command', 'pid', 'cgroup'] },
];

/** Positions of the gates that the target can never tell the figure of. */
export function untoldGates(content: unknown): number[] {
  const { kind, keys } = rawTarget(content);
  const { gates } = mapOf(content);
  if (kind === undefined || !Array.isArray(gates)) return [];
  return gates.flatMap((gate, index) =>
    isUntold(conditionOf(gate), kind === 'embedded', keys) ? [index] : [],
  );
}

function isUntold(gate: string, isEmbedded: boolean, keys: RawMap): boolean {
  const told = TOLD_BY.find(({ figures }) => figures.test(gate));
  if (!told) return false;
  // The reference server tells of itself at its admin port.
  return !(isEmbedded && told.keys.includes('admin')) && told.keys.every((key) => keys[key] === undefined);
}

/** What to say of such gates where whoever wrote them knew the target: each would fail at the end of every run. */
export function untoldGateFindings(indexes: readonly number[], content: unknown): Finding[] {
  const { gates } = mapOf(content);
  return indexes.map((index) => {
    const gate = Array.isArray(gates) ? conditionOf(gates[index]) : '';
    return { path: ['gates', index], message: wordsFor(gate) };
  });
}

/** What a record says of such a gate that was left out. */
export function untoldNote(gate: string): string {
  const why = keysFor(gate).includes('admin')
    ? 'has no admin port (target.admin)'
    : 'names no processes (target.command, target.pid, target.cgroup)';
  return `not judged, as the target ${why}: ${gate}`;
}

function wordsFor(gate: string): string {
  const keys = keysFor(gate);
  const write = keys
    .map((key) => `target.${key}`)
    .join(', ')
    .replace(/, ([^,]+)$/, ' or $1');
  return keys.includes('admin')
    ? `asks for what a server tells at its admin port, and this target has none; write ${write}, or leave the gate out`
    : `asks for the processes of the server, and this target names none; write ${write}, or leave the gate out`;
}

function keysFor(gate: string): readonly string[] {
  return TOLD_BY.find(({ figures }) => figures.test(gate))?.keys ?? [];
}
