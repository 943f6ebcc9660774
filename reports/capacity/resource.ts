import type { RunRecord } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import { areClientsElsewhere } from '../agents/agent-hosts.js';
import { formatFigure } from '../format.js';
import { isServerHere } from '../server-place.js';
import { type Stage, stagesOf } from '../stages.js';

/** A thread that has more to do than this waits for its own core. */
const BUSY_THREAD = 0.9;

/**
 * The resource that was used up in a trial, in a clause; where none was, that the limit is one of the server's own. Null: of the
 * server's host too little is known.
 */
export function resourceWords(record: RunRecord, samples: readonly TimelineSample[]): string | null {
  // What a phase of the scenario used tells more than what the connects did before it.
  const stages = stagesOf(record, samples)
    .filter(({ name }) => name !== 'drain')
    .sort((one, other) => Number(one.name === 'connect') - Number(other.name === 'connect'));
  const scarce = stages.find(({ bottleneck }) => bottleneck === 'memory');
  if (scarce) return `the memory of the host was used up in the phase ${scarce.name}`;
  const busy = stages.find(({ bottleneck }) => bottleneck.startsWith('CPU'));
  if (busy) {
    const whose = busy.bottleneck === 'CPU' ? '' : ', most of it by others';
    return `the CPU of the host was used up${whose}: ${coresWords(record, busy)}`;
  }
  const talking = stages.filter(({ name }) => name !== 'connect');
  const hardest = [...talking].sort((one, other) => (other.serverCores ?? 0) - (one.serverCores ?? 0))[0];
  if (!hardest || hardest.serverCores === null) return null;
  const threads = record.target.serverWorkers ?? record.serverProcesses?.processes ?? 0;
  if (threads > 0 && hardest.serverCores >= threads * BUSY_THREAD) {
    const whose =
      threads === 1 ? 'the one process of the server' : `each of the ${threads} processes of the server`;
    return `${whose} had a core’s worth to do (${hardest.serverCores.toFixed(2)} cores), which is all that one thread can`;
  }
  if (!isServerHere(record)) return null;
  return `no resource of the host was used up (${coresWords(record, hardest)}), so that the limit is one of the server’s own: a quota, a lock, a wait`;
}

function coresWords(record: RunRecord, { serverCores, generatorCores, otherCores }: Stage): string {
  const parts = [
    ...(serverCores === null ? [] : [`server ${serverCores.toFixed(2)}`]),
    ...(areClientsElsewhere(record) ? [] : [`agents ${generatorCores.toFixed(2)}`]),
    // The host is read at other moments than its processes.
    ...(otherCores === null ? [] : [`others ${Math.min(otherCores, record.environment.cores).toFixed(2)}`]),
  ];
  return `${parts.join(', ')} of ${formatFigure(record.environment.cores, 'cores')}`;
}
