/** A log with its fence: an append is refused where the writer does not know the last one. */
interface Log {
  sequence: number;
  epoch: number;
  /** The highest that a home was opened with. */
  openedEpoch: number;
  /** Process that writes in `epoch`. */
  writer: number;
}

export type Appended =
  | { readonly kind: 'done'; readonly sequence: number }
  | { readonly kind: 'refused'; readonly sequence: number; readonly epoch: number };

/**
 * The logs of all homes, and what has to hold of them whatever happens: once a home was opened in an epoch no append of an earlier
 * one succeeds, and in one epoch one process alone appends.
 */
export class SimulatedLogs {
  readonly #logs: Log[];
  readonly #violated: (words: string) => void;
  /** Appends are lost now and then. */
  isLossy = false;
  appended = 0;
  refused = 0;

  constructor(homes: number, violated: (words: string) => void) {
    this.#logs = Array.from({ length: homes }, () => ({ sequence: 0, epoch: 0, openedEpoch: 0, writer: 0 }));
    this.#violated = violated;
  }

  last(home: number): { sequence: number; epoch: number } {
    const { sequence, epoch } = this.#log(home);
    return { sequence, epoch };
  }

  /** @param writer process that appends @param expected sequence that it takes for the last */
  append(home: number, epoch: number, writer: number, expected: number): Appended {
    const log = this.#log(home);
    if (log.sequence !== expected) {
      this.refused += 1;
      return { kind: 'refused', sequence: log.sequence, epoch: log.epoch };
    }
    const was = `home ${home} is in epoch ${Math.max(log.epoch, log.openedEpoch)} of process ${log.writer}`;
    if (epoch < log.openedEpoch)
      this.#violated(`${was}, and an append of epoch ${epoch} by ${writer} succeeded`);
    if (epoch === log.epoch && writer !== log.writer)
      this.#violated(`${was}, and process ${writer} appended in the same epoch`);
    log.sequence += 1;
    log.epoch = epoch;
    log.writer = writer;
    this.appended += 1;
    return { kind: 'done', sequence: log.sequence };
  }

  /** Of the newest owner that has opened it. */
  openedEpoch(home: number): number {
    return this.#log(home).openedEpoch;
  }

  /** A keeper says that the home is open. */
  opened(home: number, epoch: number): void {
    const log = this.#log(home);
    log.openedEpoch = Math.max(log.openedEpoch, epoch);
  }

  #log(home: number): Log {
    return this.#logs[home] as Log;
  }
}
