import type { TcpCounters } from '../../../record/tcp-counters.js';
import type { Endpoint } from '../../agent-messages.js';
import { monotonicMs } from '../../monotonic-clock.js';
import type { Transport, TransportListener } from '../transport.js';
import { addressNumber, deviceAddress, firstClientAddress, SUBNET_BITS } from './packet-addresses.js';
import { HEADERS_BYTES } from './segment.js';
import { TcpClients } from './tcp-clients.js';
import { PACKET_BYTES, TunDevice } from './tun-device.js';
import { readWayOutMtu } from './way-out.js';

/** Packets taken in one turn: what the listener makes of them goes out before more are taken. */
const BATCH = 2048;
/** While packets wait to be read, what seems to be late may be among them: time-outs wait so long for that. */
const LONGEST_READING_MS = 500;
/** Turns without a packet before the device is looked at only every millisecond. */
const IDLE_TURNS = 64;

/** TCP in user space over a TUN device of this agent, in the network namespace of this process. */
export class PacketTransport implements Transport {
  readonly #device: TunDevice;
  readonly #clients: TcpClients;
  readonly #buffer = Buffer.alloc(PACKET_BYTES + 100);
  #idleTurns = 0;
  /** When all packets that had come were read. */
  #drainedMs = monotonicMs();
  #isClosed = false;

  constructor(agent: number, clients: number, listener: TransportListener) {
    this.#device = new TunDevice(`c2m${agent}`, deviceAddress(agent), SUBNET_BITS);
    this.#clients = new TcpClients(
      clients,
      firstClientAddress(agent),
      this.#device,
      listener,
      monotonicMs(),
      Math.min(PACKET_BYTES, readWayOutMtu() ?? PACKET_BYTES) - HEADERS_BYTES,
    );
    setImmediate(this.#turn);
  }

  counters(): TcpCounters {
    return { ...this.#clients.counters, tunDrops: this.#device.drops };
  }

  open(client: number, { host, port }: Endpoint): void {
    this.#clients.open(client, addressNumber(host), port);
    this.#idleTurns = 0;
  }

  send(client: number, bytes: Buffer): boolean {
    this.#clients.send(client, bytes);
    this.#idleTurns = 0;
    return true;
  }

  end(client: number): void {
    this.#clients.end(client);
  }

  cut(client: number): void {
    this.#clients.cut(client);
  }

  close(): void {
    this.#isClosed = true;
    this.#device.close();
  }

  /** Hot path. */
  readonly #turn = (): void => {
    if (this.#isClosed) return;
    let taken = 0;
    for (; taken < BATCH; taken += 1) {
      const bytes = this.#device.read(this.#buffer);
      if (bytes === 0) break;
      this.#clients.take(this.#buffer, bytes);
    }
    const nowMs = monotonicMs();
    if (taken < BATCH) this.#drainedMs = nowMs;
    this.#clients.acknowledge(nowMs);
    this.#clients.expire(Math.max(this.#drainedMs, nowMs - LONGEST_READING_MS));
    this.#idleTurns = taken > 0 ? 0 : this.#idleTurns + 1;
    if (this.#idleTurns < IDLE_TURNS) setImmediate(this.#turn);
    else setTimeout(this.#turn, 1);
  };
}
