/** Handshakes that are begun in one turn of the event loop; one of WebSocket or TLS takes as long as many messages. */
const HANDSHAKES_A_TURN = 8;

/** Of the handshakes that come at once a few are begun in each turn of the event loop, so that nobody else waits for all. */
export class HandshakeQueue {
  #begun = 0;
  #waiting: (() => void)[] = [];
  #isScheduled = false;

  /** @param begin is called now, or in one of the next turns */
  add(begin: () => void): void {
    if (this.#begun < HANDSHAKES_A_TURN && this.#waiting.length === 0) {
      this.#begun += 1;
      begin();
    } else {
      this.#waiting.push(begin);
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#nextTurn);
  }

  readonly #nextTurn = (): void => {
    this.#isScheduled = false;
    const now = this.#waiting.splice(0, HANDSHAKES_A_TURN);
    this.#begun = now.length;
    for (const begin of now) begin();
    if (this.#begun > 0) this.#schedule();
  };
}
