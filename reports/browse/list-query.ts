import type { ListedRun } from './listed-run.js';

/** What of a folder is listed, and how. */
export interface ListQuery {
  search: string;
  sort: SortKey;
  isDescending: boolean;
  /** From 1. */
  page: number;
}

/** What a list can be sorted by: a word of a run, or the path of a figure. */
export const SORTS = {
  started: 'when it started',
  run: 'name',
  scenario: 'scenario',
  verdict: 'verdict',
  durationSeconds: 'how long it took',
  'connections.peak': 'peak connections',
  'messages.delivered': 'messages delivered',
  'latency.delivered.p99': 'delivered, p99',
  'messages.lost': 'messages lost',
} as const;

export type SortKey = keyof typeof SORTS;

/** What a browser asked for; whatever is no such thing is left as it is by itself. */
export function readListQuery(query: Readonly<Record<string, unknown>>): ListQuery {
  const { q, sort, order, page } = query;
  const isSort = typeof sort === 'string' && Object.hasOwn(SORTS, sort);
  return {
    search: typeof q === 'string' ? q.slice(0, 200) : '',
    sort: isSort ? (sort as SortKey) : 'started',
    isDescending: order !== 'up',
    page: Math.max(1, Math.floor(Number(page)) || 1),
  };
}

/** The address of another list. */
export function addressOf(query: ListQuery, change: Partial<ListQuery> = {}): string {
  const { search, sort, isDescending, page } = { ...query, page: 1, ...change };
  const words = new URLSearchParams();
  if (search !== '') words.set('q', search);
  words.set('sort', sort);
  words.set('order', isDescending ? 'down' : 'up');
  if (page > 1) words.set('page', String(page));
  return `./?${words}`;
}

/** What has nothing to be sorted by is last, whichever way. */
export function sorted(runs: readonly ListedRun[], { sort, isDescending }: ListQuery): ListedRun[] {
  const sign = isDescending ? -1 : 1;
  return runs
    .map((run) => ({ run, key: keyOf(run, sort) }))
    .sort((one, other) => {
      if (one.key === null || other.key === null)
        return Number(one.key === null) - Number(other.key === null);
      const order =
        typeof one.key === 'number' && typeof other.key === 'number'
          ? one.key - other.key
          : String(one.key).localeCompare(String(other.key), 'en', { numeric: true });
      return sign * order || one.run.path.localeCompare(other.run.path, 'en', { numeric: true });
    })
    .map(({ run }) => run);
}

function keyOf({ path, facts }: ListedRun, sort: SortKey): string | number | null {
  if (sort === 'run') return path;
  if (!facts) return null;
  if (sort === 'started') return facts.startedAt;
  if (sort === 'scenario' || sort === 'verdict') return facts[sort];
  return facts.figure(sort);
}
