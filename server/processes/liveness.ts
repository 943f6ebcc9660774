import { readFileSync } from 'node:fs';

/** A process that works, or waits for a core or a disk, may be silent this many times longer than one that stands still. */
const BUSY_FACTOR = 6;

/** Silence is looked at this often within the time that it may last. */
const LOOKS = 8;

/** From this part of that time on, others are told of it. */
const TOLD_SHARE = 1 / 2;

/** A process that is to be heard of again and again. */
export interface Watched {
  readonly pid: number | undefined;
  /** It was silent for `seconds`; told at every look until it is heard of, or killed. */
  silent(seconds: number): void;
  /** It was silent, and is heard of again. */
  recovered(): void;
  /** It stands still, and has to be ended. */
  hangs(seconds: number): void;
}

/**
 * Whether one process still answers. Time is counted in looks: while whoever looks is itself stopped, or waits for a core,
 * nobody's time runs.
 */
export class Liveness {
  readonly #watched: Watched;
  readonly #timeoutMs: number;
  readonly #timer: NodeJS.Timeout;
  #silentLooks = 0;
  #cpuTicks: number | undefined;
  #hasWorked = false;

  constructor(watched: Watched, timeoutMs: number) {
    this.#watched = watched;
    this.#timeoutMs = timeoutMs;
    this.#timer = setInterval(() => this.#look(), timeoutMs / LOOKS);
  }

  /** It said something. */
  heard(): void {
    if (this.#isTold) this.#watched.recovered();
    this.#silentLooks = 0;
    this.#hasWorked = false;
    this.#cpuTicks = undefined;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  get #isTold(): boolean {
    return this.#silentLooks >= LOOKS * TOLD_SHARE;
  }

  #look(): void {
    this.#silentLooks += 1;
    if (!this.#isTold) return;
    const seconds = (this.#silentLooks * this.#timeoutMs) / LOOKS / 1000;
    this.#watched.silent(seconds);
    this.#lookAtWork();
    const most = this.#hasWorked ? LOOKS * BUSY_FACTOR : LOOKS;
    if (this.#silentLooks < most) return;
    this.close();
    this.#watched.hangs(seconds);
  }

  /** Where the kernel does not tell, it may have worked. */
  #lookAtWork(): void {
    const { pid } = this.#watched;
    const state = pid === undefined ? undefined : readState(pid);
    const isAtRest = state?.isAtRest && (this.#cpuTicks ?? state.cpuTicks) === state.cpuTicks;
    if (!isAtRest) this.#hasWorked = true;
    this.#cpuTicks = state?.cpuTicks;
  }
}

/** What the kernel says of a process: whether it sleeps or was stopped, and the CPU time that it has had. */
function readState(pid: number): { isAtRest: boolean; cpuTicks: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { isAtRest: 'STt'.includes(fields[0] ?? 'R'), cpuTicks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    // Not Linux, or no descriptor is left to read with: then it is given the longer time.
    return undefined;
  }
}
