/** A result that others published, to lay a run beside. */
export interface PublishedResult {
  title: string;
  connections: number;
  cores: number;
  memoryBytes: number;
  /** What the machine did meanwhile, as published. */
  workload: string;
  source: string;
}

/** What `reference` of a scenario may name. */
export const PUBLISHED_RESULTS = {
  'whatsapp-2012': {
    title: 'WhatsApp, 6 January 2012',
    connections: 2_277_845,
    cores: 24,
    memoryBytes: 103_062_118_400,
    workload:
      'production traffic; CPU 37.9 % user, 13.6 % system, 6.6 % interrupt, 41.9 % idle; 27 GB of memory free',
    source: 'WhatsApp blog, “1 million is so 2011”',
  },
  'ejabberd-2016': {
    title: 'ejabberd 16.01, 2016',
    connections: 2_000_000,
    cores: 40,
    memoryBytes: 160 * 1024 ** 3,
    workload: '550 logins a second, rosters of 18, presence; Tsung on a second machine of the same kind',
    source: 'ProcessOne, “1 Node, 2+ Million Concurrent Users”',
  },
} as const satisfies Record<string, PublishedResult>;

export type PublishedResultName = keyof typeof PUBLISHED_RESULTS;
export const PUBLISHED_RESULT_NAMES = Object.keys(PUBLISHED_RESULTS) as [
  PublishedResultName,
  ...PublishedResultName[],
];
