import { Agent, type ClientRequest, type IncomingMessage, request as requestByHttp } from 'node:http';
import { request as requestByHttps, Agent as TlsAgent } from 'node:https';

/**
 * A connection that was idle for so long is closed from here. Many servers close theirs after 5 s, Node's among them, and a
 * request that is sent just then is lost without any fault of the server.
 */
const IDLE_MS = 4000;

export interface HttpRequest {
  method: 'GET' | 'PUT';
  /** With the query, if there is one. */
  path: string;
  headers: Record<string, string>;
  /** In parts, which are sent one after the other and copied by nobody; empty: no body. */
  body: readonly Buffer[];
  /** How much of the text of the answer is kept; the rest is counted only. */
  textBytes: number;
}

export type HttpOutcome =
  /** The last byte is there. `bytes` are those of the body. */
  | { kind: 'answered'; status: number; bytes: number; text: string }
  /** No last byte in time; the connection was closed. */
  | { kind: 'timed-out' }
  | { kind: 'failed'; reason: string };

/**
 * HTTP/1.1 with one server over keep-alive connections, opened when they are needed. Whoever asks keeps to their number: a
 * request beyond it would wait in here, unseen. Redirects are answers and are not followed.
 */
export class HttpClient {
  readonly #url: URL;
  readonly #timeoutMs: number;
  readonly #agent: Agent | TlsAgent;
  readonly #underWay = new Set<ClientRequest>();

  /** @param timeoutMs from the sending of a request to the last byte of its answer */
  constructor(url: URL, connections: number, timeoutMs: number) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    const options = { keepAlive: true, maxSockets: connections, timeout: IDLE_MS };
    this.#agent = url.protocol === 'https:' ? new TlsAgent(options) : new Agent(options);
  }

  /** Hands the request over before it returns. Never rejects: a failure is an outcome. */
  ask({ method, path, headers, body, textBytes }: HttpRequest): Promise<HttpOutcome> {
    return new Promise((resolve) => {
      const bodyBytes = body.reduce((sum, { length }) => sum + length, 0);
      const length = bodyBytes > 0 ? { 'content-length': bodyBytes } : {};
      const options = { method, path, headers: { ...headers, ...length }, agent: this.#agent };
      const request =
        this.#url.protocol === 'https:'
          ? requestByHttps(this.#url, options)
          : requestByHttp(this.#url, options);
      this.#underWay.add(request);
      const timer = setTimeout(() => {
        resolve({ kind: 'timed-out' });
        request.destroy();
      }, this.#timeoutMs);
      request.on('response', (response) => readAnswer(request, response, textBytes, resolve));
      request.on('error', ({ message }) => resolve({ kind: 'failed', reason: message }));
      request.on('close', () => {
        clearTimeout(timer);
        this.#underWay.delete(request);
        resolve({ kind: 'failed', reason: 'the connection ended before the answer' });
      });
      // Together in one write: without it the header would be a packet of its own.
      request.cork();
      for (const part of body) request.write(part);
      request.end();
    });
  }

  /** Breaks off what is under way, and closes all connections. */
  close(): void {
    for (const request of this.#underWay) request.destroy();
    this.#agent.destroy();
  }
}

function readAnswer(
  request: ClientRequest,
  response: IncomingMessage,
  textBytes: number,
  resolve: (outcome: HttpOutcome) => void,
): void {
  let [bytes, keptBytes] = [0, 0];
  const kept: Buffer[] = [];
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (keptBytes >= textBytes) return;
    kept.push(chunk.subarray(0, textBytes - keptBytes));
    keptBytes += chunk.length;
  });
  response.on('error', ({ message }) => resolve({ kind: 'failed', reason: message }));
  response.on('end', () => {
    const text = Buffer.concat(kept).toString();
    resolve({ kind: 'answered', status: response.statusCode ?? 0, bytes, text });
    // The server has said all that it will, as where it refuses a file by its head: the rest of the body is for nobody.
    if (!request.writableFinished) request.destroy();
  });
}
