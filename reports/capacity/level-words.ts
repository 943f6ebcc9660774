import type { Capacity, CapacityTrial } from '../../record/capacity.js';
import { unitAt } from '../../record/metrics.js';
import { formatCount, formatFigure, plural } from '../format.js';

/** The report of the trial has all of them. */
const REASONS_TOLD = 3;

type Find = Capacity['find'];

/** `4,000 messages/s`, `5,000 clients`. */
export function levelWords(find: Find, level: number): string {
  return find === 'clients.count' ? `${formatCount(level)} clients` : `${formatCount(level)} messages/s`;
}

/** Over a column of them. */
export const LEVEL_HEADS: Record<Find, string> = {
  'messages.rate': 'messages/s',
  'clients.count': 'clients',
};

export const VERDICT_OF_TRIAL: Record<CapacityTrial['verdict'], string> = {
  held: 'held',
  broke: 'broke',
  lab: 'lab gave way',
  stopped: 'stopped',
};

/** Why a level did not hold, in a few words: `latency.delivered.p99 < 250ms: 1.2 s`. Empty where it held. */
export function whyWords({ verdict, missed, faults }: CapacityTrial): string {
  if (verdict === 'held') return '';
  const gates = missed.map(missedWords);
  const reasons = verdict === 'broke' || faults.length === 0 ? [...faults, ...gates] : faults;
  const more = reasons.length - REASONS_TOLD;
  return [...reasons.slice(0, REASONS_TOLD), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** What of a gate did not hold; those that hold in every trial in plain words. */
function missedWords({ expression, value, note }: CapacityTrial['missed'][number]): string {
  if (value === null) return `${expression}: ${note ?? 'not measured'}`;
  const [, clients] = /^connections\.peak >= (\d+)$/.exec(expression) ?? [];
  if (clients !== undefined)
    return `only ${formatCount(value)} of ${formatCount(Number(clients))} clients got in`;
  const [, what] = /^messages\.(refused|lost|duplicated|corrupted|heldBack) == 0$/.exec(expression) ?? [];
  if (what !== undefined)
    return `${plural(value, 'message')} ${value === 1 ? 'was' : 'were'} ${what === 'heldBack' ? 'held back' : what}`;
  return `${expression}: ${formatFigure(value, unitAt(metricOf(expression)))}`;
}

export function metricOf(expression: string): string {
  return /^[^\s<>=!]+/.exec(expression.trim())?.[0] ?? '';
}
