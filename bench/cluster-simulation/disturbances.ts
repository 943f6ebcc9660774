import type { Random } from '../../loadgen/random.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { SimulatedStore } from './simulated-store.js';
import type { VirtualClock } from './virtual-clock.js';

export const DISTURBANCES = ['kill', 'massacre', 'stop', 'cut', 'stall', 'join', 'leave'] as const;
export type Disturbance = (typeof DISTURBANCES)[number];

/** What is disturbed. */
export interface Disturbed {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly store: SimulatedStore;
  readonly leaseMs: number;
  /** Those that run. */
  processes(): SimulatedProcess[];
  start(): void;
}

/** Does one thing that happens to clusters; what it does not end itself has ended when `untilMs` has come. */
export function disturb(kind: Disturbance, cluster: Disturbed, untilMs: number): void {
  const { clock, random, store, leaseMs } = cluster;
  const some = (most: number): SimulatedProcess[] => {
    const processes = cluster.processes();
    return Array.from({ length: 1 + random.below(most) }, () => processes[random.below(processes.length)])
      .filter((process) => process !== undefined)
      .filter((process, at, all) => all.indexOf(process) === at);
  };
  /** From a bit of a lease to more than that. */
  const lastingMs = (leases: number): number =>
    Math.min(untilMs - clock.nowMs, leaseMs * (0.1 + leases * random.next()));
  const restartLater = (): void => {
    if (random.next() < 0.8) clock.after(lastingMs(2), () => cluster.start());
  };
  const group = Math.max(2, Math.ceil(cluster.processes().length / 20));
  switch (kind) {
    case 'kill':
      for (const process of some(group)) {
        process.kill();
        restartLater();
      }
      break;
    case 'massacre': {
      const processes = cluster.processes();
      for (const process of processes.filter(() => random.next() < 0.4).slice(0, processes.length - 1)) {
        process.kill();
        restartLater();
      }
      break;
    }
    case 'stop':
      for (const process of some(group)) {
        process.stop();
        clock.after(lastingMs(4), () => process.goOn());
      }
      break;
    case 'cut':
      for (const process of some(group)) {
        process.link.cut();
        clock.after(lastingMs(4), () => process.link.mend());
      }
      break;
    case 'stall':
      if (store.isStalled) break;
      store.stall(random.next() < 0.5);
      clock.after(Math.min(untilMs - clock.nowMs, 500 + 8500 * random.next()), () => store.goOn());
      break;
    case 'join':
      for (let count = 1 + random.below(group); count > 0; count -= 1) cluster.start();
      break;
    case 'leave':
      for (const process of some(group)) {
        if (cluster.processes().filter(({ isLeaving }) => !isLeaving).length < 2) break;
        process.leave();
        restartLater();
      }
      break;
  }
}
