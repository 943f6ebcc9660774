import type { BusMessage } from '../../server/bus/bus.js';
import { readBatchHeader } from '../../server/cluster/batch-codec.js';
import { PeerLink } from '../../server/cluster/peer-link.js';

/** What becomes of a message of NATS on its way. */
export type Fate = 'comes' | 'lost' | 'twice' | 'late' | 'twice, once late';

const WAY_MS = 1;
const LATE_MS = 30;
const TICK_MS = 100;
const CONFIRM_WITHIN_MS = 5;

interface End {
  link: PeerLink;
  waiting: { bytes: number };
  got: BusMessage[];
  marks: string[];
  troubles: string[];
  drained: number;
}

/** Both ends of a link, a way between them that does as it is told, and a clock that is moved by hand. */
export class LossyLinks {
  readonly ends: [End, End];
  /** Bytes of each message that was put on the way, by end. */
  readonly published: [number[], number[]] = [[], []];
  fate: () => Fate = () => 'comes';
  #nowMs = 0;
  readonly #due: { atMs: number; run: () => void }[] = [];

  constructor(versions: [number, number] = [2, 2]) {
    this.ends = [this.#end(0, versions[0]), this.#end(1, versions[1])];
    this.#every();
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, run: () => void): void {
    const due = { atMs: this.#nowMs + ms, run };
    const at = this.#due.findIndex(({ atMs }) => atMs > due.atMs);
    this.#due.splice(at < 0 ? this.#due.length : at, 0, due);
  }

  pass(ms: number): void {
    const end = this.#nowMs + ms;
    for (let next = this.#due[0]; next && next.atMs <= end; next = this.#due[0]) {
      this.#due.shift();
      this.#nowMs = next.atMs;
      next.run();
    }
    this.#nowMs = end;
  }

  #every(): void {
    this.after(TICK_MS, () => {
      for (const { link } of this.ends) link.tick();
      this.#every();
    });
  }

  #end(index: 0 | 1, version: number): End {
    const waiting = { bytes: 0 };
    const end: Omit<End, 'link'> = { waiting, got: [], marks: [], troubles: [], drained: 0 };
    const link: PeerLink = new PeerLink(
      { self: index + 1, peer: 2 - index, version, homes: 100, waiting },
      {
        publish: (bytes) => this.#publish(index, bytes),
        nowMs: () => this.#nowMs,
        message: (_home, message) => end.got.push(message),
        marker: (marker, home, epoch) => end.marks.push(`${marker} ${home} ${epoch}`),
        gathered: () => undefined,
        owes: () => this.after(CONFIRM_WITHIN_MS, () => link.confirm()),
        drained: () => {
          whole.drained += 1;
        },
        trouble: (words) => end.troubles.push(words),
      },
    );
    const whole = Object.assign(end, { link });
    return whole;
  }

  #publish(index: 0 | 1, bytes: Buffer): void {
    this.published[index].push(bytes.length);
    const fate = this.fate();
    if (fate === 'lost') return;
    // The sender brings its own up to date where it sends it again.
    const copy = Buffer.from(bytes);
    const arrive = (): void => {
      const header = readBatchHeader(copy);
      if (!header) throw new Error('a link has published what is no batch');
      this.ends[1 - index]?.link.take(header, copy);
    };
    this.after(fate === 'late' ? LATE_MS : WAY_MS, arrive);
    if (fate === 'twice') this.after(WAY_MS, arrive);
    if (fate === 'twice, once late') this.after(LATE_MS, arrive);
  }
}
