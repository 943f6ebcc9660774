import { readdirSync, statSync } from 'node:fs';
import { type ProcessFacts, readOrNothing, readProcess } from '../process-table.js';
import { readPrivateBytes } from '../process-usage.js';
import { SparingLook } from './sparing-look.js';

/** USER_HZ, which Linux has kept at 100 on every platform that Node.js runs on. */
const TICKS_PER_SECOND = 100;

/** What the processes of a server use, all together, at one moment. */
export interface ProcessesReading {
  /** Only grows: what those have used that ended meanwhile is in it. */
  cpuSeconds: number;
  /** What they have for themselves; memory that they share with others is not in it. */
  privateBytes: number;
  processes: number;
  threads: number;
  /** Null: this user may not know. */
  openFiles: number | null;
}

/** The processes that a server is made of. */
export interface ServerProcesses {
  /** Null: there are none now. */
  read(): ProcessesReading | null;
}

/** Adds up processes that come and go. */
export class ProcessSum {
  #known = new Map<number, ProcessFacts>();
  /** Of those that have ended, and whose time no parent has taken over. */
  #endedTicks = 0;
  #live: ProcessFacts[] = [];
  readonly #openFiles = new SparingLook(() => openFilesOf(this.#live));

  /** Those that were added up last. */
  get pids(): number[] {
    return [...this.#known.keys()];
  }

  /** @param pids of all that belong to the server now */
  read(pids: Iterable<number>): ProcessesReading | null {
    const now = new Map<number, ProcessFacts>();
    for (const pid of pids) {
      const facts = readProcess(pid);
      if (facts) now.set(pid, facts);
    }
    this.#endedTicks += endedTicks(this.#known, now);
    this.#known = now;
    this.#live = [...now.values()].filter(({ isZombie }) => !isZombie);
    if (this.#live.length === 0) return null;
    const ticks = sum([...now.values()], ticksOf);
    return {
      cpuSeconds: (ticks + this.#endedTicks) / TICKS_PER_SECOND,
      privateBytes: sum(this.#live, ({ pid }) => readPrivateBytes(pid) ?? 0),
      processes: this.#live.length,
      threads: sum(this.#live, ({ threads }) => threads),
      openFiles: this.#openFiles.get(),
    };
  }
}

/**
 * Time of those that have ended since. A parent that asks how its child has ended takes over the time of that, so what
 * the parents have gained is not added a second time; the rest would be gone.
 */
function endedTicks(
  before: ReadonlyMap<number, ProcessFacts>,
  now: ReadonlyMap<number, ProcessFacts>,
): number {
  let ended = 0;
  let takenOver = 0;
  for (const [pid, facts] of before) {
    const later = now.get(pid);
    if (later?.startTicks === facts.startTicks) takenOver += later.reapedTicks - facts.reapedTicks;
    else ended += ticksOf(facts);
  }
  return Math.max(0, ended - takenOver);
}

function ticksOf({ ticks, reapedTicks }: ProcessFacts): number {
  return ticks + reapedTicks;
}

function openFilesOf(processes: readonly ProcessFacts[]): number | null {
  return processes.reduce<number | null>((total, { pid }) => {
    const files = openFiles(pid);
    return total === null || files === null ? null : total + files;
  }, 0);
}

/** Null: not for this user. One that has ended since has none. */
function openFiles(pid: number): number | null {
  const folder = `/proc/${pid}/fd`;
  try {
    // Since Linux 6.2 the size says how many there are; to list a hundred thousand takes a while.
    return statSync(folder).size || readdirSync(folder).length;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return 0;
    if (code === 'EACCES' || code === 'EPERM') return null;
    throw error;
  }
}

/** CPU that the processes of a control group have used, as the kernel counts it; null: this group does not tell. */
export function groupCpuSeconds(folder: string): number | null {
  const microseconds = /^usage_usec (\d+)/m.exec(readOrNothing(`${folder}/cpu.stat`) ?? '')?.[1];
  if (microseconds !== undefined) return Number(microseconds) / 1e6;
  const nanoseconds = readOrNothing(`${folder}/cpuacct.usage`);
  return nanoseconds === undefined ? null : Number(nanoseconds) / 1e9;
}

function sum(processes: readonly ProcessFacts[], of: (process: ProcessFacts) => number): number {
  return processes.reduce((total, each) => total + of(each), 0);
}
