import { decodeFrames } from '../../protocol/decode.js';
import type { Frame } from '../../protocol/frame.js';
import type { Bus, BusMessage, Homes } from '../../server/bus/bus.js';
import { parseServerConfig, type ServerConfigInput } from '../../server/config.js';
import { Home } from '../../server/home/home.js';
import { newCounters } from '../../server/queues/counters.js';
import type { HomeStore } from '../../server/store/home-store.js';

/** A bus with one home on it, the first of so many; what the home says is handed to the test, in order. */
class TestBus implements Bus {
  readonly self = 0;
  readonly homes: Homes;
  readonly #tell: (message: BusMessage) => void;

  constructor(homes: number, tell: (message: BusMessage) => void) {
    this.homes = { first: 0, count: homes };
    this.#tell = tell;
  }

  isConnected(): boolean {
    return true;
  }

  send(_worker: number, message: BusMessage): void {
    this.#tell(message);
  }

  flush(): void {
    // Nothing is gathered.
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}

export interface TestHome {
  home: Home;
  counters: ReturnType<typeof newCounters>;
  /** What the home has said and the test has not taken. */
  said: BusMessage[];
  take(): BusMessage[];
  attach(user: number, connection?: number): void;
  detach(user: number, connection?: number): void;
  submit(from: number, to: number, id: number, text?: string): void;
  acknowledge(user: number, sequence: number, connection?: number): void;
}

/** A home without processes or sockets. The connection of a user has the number of the user unless said otherwise. */
export function testHome(
  store: HomeStore,
  limits: ServerConfigInput['limits'] = {},
  onSaid: (message: BusMessage) => void = () => undefined,
  homes = 1,
  mayBeReplaced?: () => boolean,
): TestHome {
  const said: BusMessage[] = [];
  const counters = newCounters();
  const bus = new TestBus(homes, (message) => {
    said.push(message);
    onSaid(message);
  });
  const config = parseServerConfig({ limits });
  const home = new Home({
    store,
    storeBytes: 1e6,
    bus,
    counters,
    limits: config.limits,
    ...(mayBeReplaced && { mayBeReplaced }),
  });
  return {
    home,
    counters,
    said,
    take: () => said.splice(0),
    attach: (user, connection = user) => home.receive({ kind: 'attach', user, worker: 0, connection }),
    detach: (user, connection = user) => home.receive({ kind: 'detach', user, worker: 0, connection }),
    submit: (from, to, id, text = `message ${id}`) =>
      home.receive({
        kind: 'submit',
        from,
        worker: 0,
        connection: from,
        to,
        id,
        payload: Buffer.from(text),
      }),
    acknowledge: (user, sequence, connection = user) =>
      home.receive({ kind: 'acknowledge', user, worker: 0, connection, sequence }),
  };
}

/** The one frame that `bytes` hold. */
export function frameOf(bytes: Buffer): Frame {
  let found: Frame | undefined;
  decodeFrames(bytes, 1 << 20, (frame) => {
    found = frame;
    return false;
  });
  return found as Frame;
}
