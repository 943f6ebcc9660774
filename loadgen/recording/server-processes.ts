import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readOrNothing, readProcesses, treeOf } from '../process-table.js';
import { groupCpuSeconds, type ProcessesReading, ProcessSum, type ServerProcesses } from './process-sum.js';
import { SparingLook } from './sparing-look.js';

/** A server that has just begun has yet to start its workers: they must not be missed for long. */
const LONGEST_UNSEEN_MS = 2000;

/** A process and all that came from it, as long as it lives, also where the processes between have ended. */
export class ProcessTree implements ServerProcesses {
  readonly #rootOf: () => number | undefined;
  readonly #leadsSession: boolean;
  readonly #sum = new ProcessSum();
  readonly #members: SparingLook<number[]>;
  #root: number | undefined;

  /**
   * @param rootOf asked each time, as a server that was killed is another process when it is back; undefined: not yet
   * @param leadsSession the root has a session of its own, all of which belong to it
   */
  constructor(rootOf: () => number | undefined, { leadsSession = false } = {}) {
    this.#rootOf = rootOf;
    this.#leadsSession = leadsSession;
    this.#members = new SparingLook(() => this.#find(), LONGEST_UNSEEN_MS);
  }

  read(): ProcessesReading | null {
    const root = this.#rootOf();
    if (root !== this.#root) this.#members.forget();
    this.#root = root;
    return this.#sum.read(new Set([...this.#members.get(), ...this.#sum.pids]));
  }

  #find(): number[] {
    const roots = new Set([...(this.#root === undefined ? [] : [this.#root]), ...this.#sum.pids]);
    const session = this.#leadsSession ? this.#root : undefined;
    return treeOf(roots, readProcesses(), session).map(({ pid }) => pid);
  }
}

/** The processes in a control group and in those below it, such as those of a container. */
export class ProcessGroup implements ServerProcesses {
  readonly #folder: string;
  readonly #sum = new ProcessSum();
  readonly #members: SparingLook<number[]>;

  /** @param folder such as `/sys/fs/cgroup/system.slice/chat.service` */
  constructor(folder: string) {
    this.#folder = folder;
    this.#members = new SparingLook(() => membersOf(folder), LONGEST_UNSEEN_MS);
  }

  read(): ProcessesReading | null {
    const reading = this.#sum.read(this.#members.get());
    if (!reading) return null;
    // The kernel also knows of those that came and went between two looks.
    return { ...reading, cpuSeconds: groupCpuSeconds(this.#folder) ?? reading.cpuSeconds };
  }
}

function membersOf(folder: string): number[] {
  const own = (readOrNothing(join(folder, 'cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number);
  const below = foldersIn(folder).flatMap(({ name }) => membersOf(join(folder, name)));
  return [...own, ...below];
}

function foldersIn(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  } catch (error) {
    // The group is gone, with all that were in it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
