import { type Capacity, type CapacitySearch, type ServerSize, sizeOf } from '../../record/capacity.js';
import { plural } from '../format.js';
import { levelWords } from './level-words.js';

/** What one reads first of how a search ended. */
export const END_WORDS: Record<CapacitySearch['end'], { word: string; kind: 'good' | 'bad' | 'doubtful' }> = {
  found: { word: 'Found', kind: 'good' },
  most: { word: 'Held', kind: 'good' },
  lab: { word: 'Lab gave way', kind: 'doubtful' },
  least: { word: 'Broke', kind: 'bad' },
  stopped: { word: 'Unfinished', kind: 'doubtful' },
};

/** Such as "3 workers". */
export function sizeWords({ of, count }: ServerSize): string {
  return plural(count, of === 'workers' ? 'worker' : 'node');
}

/** What a search has found, in one sentence: "holds N, breaks at M because X". */
export function conclusionOf(
  { name, find }: Pick<Capacity, 'name' | 'find'>,
  search: CapacitySearch,
): string {
  const { holds, breaks, because, end, whyStopped } = search;
  const level = (known: { level: number }): string => levelWords(find, known.level);
  const size = sizeOf(search);
  const who = size === null ? name : `${name} with ${sizeWords(size)}`;
  const why = because ? ` because ${because.gates}` : '';
  switch (end) {
    case 'found':
      return `${who} holds ${holds ? level(holds) : 'nothing'}, and breaks at ${breaks ? level(breaks) : 'more'}${why}${causes(search)}.`;
    case 'lab':
      if (!holds)
        return `${who}: at every level down to ${breaks ? level(breaks) : 'the least'} the lab gave way first, not the server (${because?.gates ?? 'it was too slow'})${causes(search)}. Nothing is known of the server.`;
      return `${who} holds at least ${level(holds)}; at ${breaks ? level(breaks) : 'more'} the lab gave way first, not the server (${because?.gates ?? 'it was too slow'})${causes(search)}. What the server holds beyond is not known: use more agents or machines, or one that has less to do beside.`;
    case 'most':
      return `${who} holds ${holds ? level(holds) : 'nothing'}, the most that was asked for.`;
    case 'least':
      return `${who} does not hold ${breaks ? level(breaks) : 'the least level'}, the least that was tried${why}${causes(search)}.`;
    case 'stopped':
      return `${who}: the search was not finished, as ${whyStopped ?? 'it was stopped'}; ${knownWords(search, level)}.`;
  }
}

/** The queue and the resource that gave way, as far as they are known. */
function causes({ because }: CapacitySearch): string {
  const clauses = [because?.queue, because?.resource].filter((clause) => typeof clause === 'string');
  return clauses.length === 0 ? '' : `; ${clauses.join(', and ')}`;
}

function knownWords({ holds, breaks }: CapacitySearch, level: (known: { level: number }) => string): string {
  const confidence = ({ length }: { length: string }): string =>
    length === 'full' ? '' : ' in a short trial';
  const words = [
    ...(holds ? [`${level(holds)} held${confidence(holds)}`] : []),
    ...(breaks ? [`${level(breaks)} did not${confidence(breaks)}`] : []),
  ];
  return words.length === 0 ? 'nothing is known' : words.join(', and ');
}
