import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { builtEntry } from '../../entries.js';
import { hasEjabberd, startEjabberd } from '../ejabberd.js';
import { builtBenchEntry } from '../entries.js';
import { findMosquitto, startMosquitto } from '../mosquitto.js';
import { startChild } from './child.js';
import { type Counter, countByHttp, countByMosquitto } from './counter.js';
import { MESSAGE_COUNTER } from './message-counter.js';

/** A server, or how the lab starts it, for one run of one tool. */
export interface Subject {
  port: number;
  /** Of the scenario: `target`, in YAML. */
  target: string;
  /** Where the server tells what has arrived; elsewhere the ledger of the run does, which only c2m has. */
  counter?: Counter;
  close(): Promise<void>;
}

/** A driver of c2m with a server of its protocol. */
export interface Protocol {
  start(): Promise<Subject>;
  /** Shares of the clients and of the rate that are asked for, where its server takes no more of them. */
  clientShare?: number;
  rateShare?: number;
  /** Where logins cost its server much. */
  connectsPerSecond?: number;
}

const C2M = builtEntry('command');
const ROOT = join(C2M, '../../..');
const SHOOT_OUT = join(ROOT, 'scenarios/shoot-out');
const READY_MS = 10_000;

export const PROTOCOLS: Record<string, Protocol> = {
  c2m: {
    start: () =>
      commanded(
        18_830,
        `[node, ${C2M}, serve, --store, memory, --workers, '1', --listen, 'tcp://127.0.0.1:18830']`,
        'c2m',
      ),
  },
  mqtt: { start: () => mosquitto('{ qos: 1 }') },
  'mqtt-qos0': { start: () => mosquitto('{ qos: 0 }') },
  // mosquitto loses messages of more than 20 under way with MQTT 3.1.1 (docs/drivers.md).
  'mqtt-qos2': { start: () => mosquitto('{ version: 5, qos: 2 }'), rateShare: 0.25 },
  nats: { start: () => commanded(18_832, '[sh, nats.sh]', '{ nats: { mode: core } }') },
  // It looks through its consumers for every message, and there is one for each client.
  jetstream: {
    start: () => commanded(18_832, '[sh, nats.sh]', '{ nats: { mode: jetstream } }'),
    clientShare: 0.1,
    rateShare: 0.1,
    connectsPerSecond: 200,
  },
  xmpp: {
    start: () =>
      commanded(18_833, '[sh, ejabberd.sh]', '{ xmpp: { domain: localhost, register: true } }', '40s'),
    clientShare: 0.25,
    rateShare: 0.1,
    connectsPerSecond: 200,
  },
  // Without the check marks, which other tools do not ask for.
  'xmpp-bare': {
    start: () =>
      ejabberd(
        '{ xmpp: { domain: localhost, register: true, startTls: never, streamManagement: false, receipts: false } }',
      ),
    clientShare: 0.25,
    rateShare: 0.1,
    connectsPerSecond: 100,
  },
  // Written out, not `preset: json-chat`: that one says read for each message, which the other tools do not.
  websocket: {
    start: () =>
      relay(
        'websocket',
        `{ websocket: {
    login: '{"type":"login","user":"{{user}}"}',
    loggedIn: { json: { type: welcome } },
    send: '{"type":"message","to":"{{to}}","id":{{sequence}},"body":"{{payload}}"}',
    match: {
      delivered: { json: { type: message }, payload: body },
      accepted: { json: { type: ack }, sequence: id },
      refused: { json: { type: error }, sequence: id, reason: code },
    } } }`,
      ),
    rateShare: 0.5,
  },
  socketio: {
    start: () =>
      relay(
        'socketio',
        `{ socketio: {
    login: { event: login, arguments: ['{{user}}'] },
    send: { event: message, arguments: ['{{to}}', '{{payload}}'] },
    message: { event: message, payload: '0' } } }`,
      ),
    rateShare: 0.25,
  },
};

/** The lab starts it for the run, and ends it. */
async function commanded(port: number, run: string, driver: string, readyWithin = '10s'): Promise<Subject> {
  return {
    port,
    target: `{
  command: { run: ${run}, cwd: ${SHOOT_OUT}, readyWithin: ${readyWithin} },
  addresses: ['tcp://127.0.0.1:${port}'],
  driver: ${driver} }`,
    close: async () => undefined,
  };
}

/** Started here and not by the lab, because other tools speak to it as well. */
async function mosquitto(settings: string): Promise<Subject> {
  const path = findMosquitto();
  if (!path) throw new Error('mosquitto is not installed (Debian: apt-get install mosquitto)');
  const broker = await startMosquitto(path, ['sys_interval 1']);
  const counter = countByMosquitto(broker.port);
  return {
    port: broker.port,
    target: `{ addresses: ['tcp://127.0.0.1:${broker.port}'], driver: { mqtt: ${settings} } }`,
    counter,
    close: () => {
      counter.close();
      return broker.close();
    },
  };
}

async function ejabberd(driver: string): Promise<Subject> {
  if (!hasEjabberd()) throw new Error('ejabberd is not installed (Debian: apt-get install ejabberd)');
  const server = await startEjabberd(MESSAGE_COUNTER);
  const counter = countByHttp(`${server.httpUrl}${MESSAGE_COUNTER.path}`);
  return {
    port: server.endpoint.port,
    target: `{ addresses: ['tcp://127.0.0.1:${server.endpoint.port}'], driver: ${driver} }`,
    counter,
    close: () => {
      counter.close();
      return server.close();
    },
  };
}

async function relay(kind: 'websocket' | 'socketio', driver: string): Promise<Subject> {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-relay-'));
  const script = builtBenchEntry('countingServer');
  const child = startChild(process.execPath, [script, kind], { cwd: folder });
  const close = async () => {
    await child.end();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const port = await firstNumber(child.output);
    const counter = countByHttp(`http://127.0.0.1:${port}/count`);
    return {
      port,
      target: `{ addresses: ['ws://127.0.0.1:${port}'], driver: ${driver} }`,
      counter,
      close: () => {
        counter.close();
        return close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function firstNumber(output: () => string): Promise<number> {
  const until = performance.now() + READY_MS;
  while (performance.now() < until) {
    const [line] = /^\d+(?=\n)/.exec(output()) ?? [];
    if (line) return Number(line);
    await sleep(50);
  }
  throw new Error(`the relay did not come up: ${output()}`);
}
