import { WebSocket } from 'ws';

/**
 * An adapter: a client library that is there already, here `ws`, with the protocol of ../own-codec/server.js. A client is
 * an object of the library, so fewer of them fit than with a codec; `c2m driver test` says how many.
 */
export const name = 'lines over ws';

/** What this protocol can tell. What is left out it cannot, and records say null there. */
export const promises = { accepted: true, order: 'per-sender', delivery: 'at-most-once' };

export const carriers = ['ws', 'wss'];

/** Resolves once the user is logged in; rejects where that is not to be. */
export function connect({ user, address, headers }) {
  const socket = new WebSocket(address, { headers, perMessageDeflate: false });
  const client = new LineClient(socket);
  return new Promise((resolve, reject) => {
    socket.on('open', () => socket.send(`LOGIN ${user}`));
    socket.on('error', reject);
    socket.on('close', (code) => reject(new Error(`Close${code}`)));
    client.loggedIn = () => resolve(client);
  });
}

class LineClient {
  /** By sequence: who waits to hear that the server has the message. */
  #underWay = new Map();
  #socket;

  constructor(socket) {
    this.#socket = socket;
    socket.on('message', (bytes) => this.#heard(...String(bytes).split(' ')));
  }

  /** Resolves when the server has it, and rejects when it does not take it. */
  send({ to, sequence, payload }) {
    this.#socket.send(`SEND ${to} ${sequence} ${payload.toString('base64')}`);
    return new Promise((resolve, reject) => this.#underWay.set(sequence, { resolve, reject }));
  }

  onMessage(listener) {
    this.deliver = listener;
  }

  onEnd(listener) {
    this.#socket.on('error', listener);
    this.#socket.on('close', (code) => listener(new Error(`Close${code}`)));
  }

  keepAlive() {
    this.#socket.send('PING');
  }

  close() {
    return new Promise((resolve) => {
      this.#socket.on('close', resolve);
      this.#socket.close(1000);
    });
  }

  cut() {
    this.#socket.terminate();
  }

  #heard(word, first, second) {
    const message = this.#underWay.get(Number(first));
    if (word === 'MESSAGE') this.deliver(Buffer.from(first, 'base64'));
    else if (word === 'SENT') message?.resolve();
    else if (word === 'FAILED') message?.reject(new Error(second));
    else if (word === 'WELCOME') this.loggedIn();
    if (word === 'SENT' || word === 'FAILED') this.#underWay.delete(Number(first));
  }
}
