import type { Histogram } from 'hdr-histogram-js';

/**
 * A closed workload that keeps a server saturated: pairs of connections, each with `window` messages under way.
 * That is what a benchmark of capacity needs and what a load test must not do: there, arrivals do not wait.
 */
export interface FloodOptions {
  target: 'c2m-tcp' | 'c2m-ws' | 'relay-ws' | 'mqtt' | 'mqtt-receipts' | 'jetstream';
  port: number;
  /** Of servers that are one: connections take them by turns, so that partners are at different ones. */
  otherPorts?: readonly number[];
  /** Of c2m: who the connections are, two partners one behind the other; otherwise 1, 2, 3 … */
  users?: readonly number[];
  connections: number;
  window: number;
  payloadBytes: number;
}

export interface State {
  completed: number;
  isStopped: boolean;
  accepted: Histogram;
}

export interface Client {
  start(): void;
  close(): void;
}
