import { expect, test } from 'vitest';
import { ProcessGroup, ProcessTree } from '../../../loadgen/recording/server-processes.js';
import { ServerWatches } from '../../../loadgen/recording/server-watches.js';
import type { RunRequest } from '../../../loadgen/run-request.js';
import type { WatchedProcesses } from '../../../scenarios/scenario.js';

const NO_PID = 2 ** 22 + 1;
const NO_GROUP = '/sys/fs/cgroup/no-such-group';

test.each<[WatchedProcesses, string]>([
  [
    { pid: NO_PID },
    `target.pid: there is no process ${NO_PID} on this host now; correct it, or leave it out`,
  ],
  [
    { cgroup: NO_GROUP },
    `target.cgroup: there is no process in ${NO_GROUP} on this host now; correct it, or leave it out`,
  ],
])('processes that are not there are told by the key that was written: %o', async (processes, words) => {
  const watched =
    'pid' in processes ? new ProcessTree(() => processes.pid) : new ProcessGroup(processes.cgroup);
  const request = {
    adminUrl: null,
    metrics: null,
    processes: watched,
    scenario: { target: { kind: 'external', processes } },
  };
  await expect(ServerWatches.connect(request as unknown as RunRequest)).rejects.toThrow(words);
});
