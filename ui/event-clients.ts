import type { ServerResponse } from 'node:http';

/** Pages that follow at the same time. */
const MOST_CLIENTS = 16;
/** What a page may leave unread: more than a whole page has. One that leaves more is cut off, and comes back for the whole. */
const MOST_UNREAD_BYTES = 4 * 1024 * 1024;
const BEAT_MS = 15_000;
/** How soon a browser comes back. */
const RETRY_MS = 1000;

/** An event of a stream; `id` is what a browser says when it comes back. */
export interface ServerEvent {
  id: number;
  name: string;
  data: string;
}

/** Pages that are told of changes by server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export class EventClients {
  readonly #clients = new Set<ServerResponse>();
  readonly #beat = setInterval(() => this.#write(': here\n\n'), BEAT_MS);

  constructor() {
    this.#beat.unref();
  }

  get count(): number {
    return this.#clients.size;
  }

  /** @param response whose headers are set and not sent; @returns false: there are too many already */
  add(response: ServerResponse, events: readonly ServerEvent[]): boolean {
    if (this.#clients.size >= MOST_CLIENTS) return false;
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.on('close', () => this.#clients.delete(response));
    // Somebody who closes the page is no fault.
    response.on('error', () => this.#clients.delete(response));
    this.#clients.add(response);
    response.write(`retry: ${RETRY_MS}\n\n${events.map(textOf).join('')}`);
    return true;
  }

  send(event: ServerEvent): void {
    this.#write(textOf(event));
  }

  /** The last event; resolves once it is out, or nobody has taken it for so long. */
  async end(event: ServerEvent, withinMs: number): Promise<void> {
    clearInterval(this.#beat);
    const gone = [...this.#clients].map(
      (client) => new Promise<void>((resolve) => client.once('close', resolve).end(textOf(event))),
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([Promise.all(gone), late]);
    clearTimeout(timer);
    for (const client of this.#clients) client.destroy();
  }

  #write(text: string): void {
    for (const client of this.#clients) {
      if (client.writableLength > MOST_UNREAD_BYTES) client.destroy();
      else client.write(text);
    }
  }
}

function textOf({ id, name, data }: ServerEvent): string {
  return `id: ${id}\nevent: ${name}\ndata: ${data}\n\n`;
}
