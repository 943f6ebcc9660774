import type { MediaStats } from '../../protocol/stats.js';

export const NO_MEDIA: MediaStats = {
  files: 0,
  bytes: 0,
  unfinished: 0,
  unfinishedBytes: 0,
  damaged: 0,
  uploads: 0,
  downloads: 0,
  refused: {},
};

/** `stats`, with the requests that were counted before: a process that is started again counts from zero. */
export function addCounts(stats: MediaStats, before: MediaStats): MediaStats {
  const refused = { ...stats.refused };
  for (const [status, count] of Object.entries(before.refused))
    refused[status] = (refused[status] ?? 0) + count;
  return {
    ...stats,
    refused,
    uploads: stats.uploads + before.uploads,
    downloads: stats.downloads + before.downloads,
  };
}
