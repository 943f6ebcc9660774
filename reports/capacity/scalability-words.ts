import { type Capacity, type ServerSize, sizeOf } from '../../record/capacity.js';
import { formatCount, formatRatio } from '../format.js';
import { LEVEL_HEADS } from './level-words.js';

/** What the searches differ in. */
export function axisOf({ searches }: Pick<Capacity, 'searches'>): ServerSize['of'] {
  const [first] = searches;
  return (first && sizeOf(first)?.of) ?? 'workers';
}

type Range = { low: number; high: number | null };

/** What the law says, and how sure that is, in sentences; why there is none, where there is none. */
export function scalabilityWords(capacity: Capacity): string[] {
  const { find, scalability } = capacity;
  if (!scalability) return [];
  const many = axisOf(capacity);
  const one = many === 'workers' ? 'worker' : 'node';
  const { fit, refused } = scalability;
  if (!fit) return [`No law is fitted to these levels: ${refused ?? 'there are too few'}.`];
  const { law, perSecond, contention, coherency, mostUseful, spread, probability } = fit;
  const { nodes, interval } = mostUseful;
  return [
    `By the Universal Scalability Law one ${one} brings ${formatCount(Math.round(law.perSecond))} ${LEVEL_HEADS[find]} (${range(perSecond, (value) => formatCount(Math.round(value)))}), ` +
      `σ is ${formatRatio(law.contention)} (${range(contention, formatRatio)}), the share of the work in which ${many} wait for each other, ` +
      `and κ is ${formatRatio(law.coherency)} (${range(coherency, formatRatio)}), what each pair of them costs.`,
    nodes === null
      ? `Nowhere do more ${many} bring less, as far as these levels tell: with ${formatRatio(probability)} confidence not below ${formatCount(Math.round(interval.low))}.`
      : `The most with ${formatCount(Math.round(nodes))} ${many} (${range(interval, (value) => formatCount(Math.round(value)))}).`,
    `In brackets: ${formatRatio(probability)} confidence. The levels are ${formatRatio(spread)} off the law.`,
  ];
}

function range({ low, high }: Range, words: (value: number) => string): string {
  return high === null ? `${words(low)} or more` : `${words(low)} to ${words(high)}`;
}
