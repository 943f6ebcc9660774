/** The part of autocannon (which ships no types) that the lab uses: https://github.com/mcollina/autocannon#api */
declare module 'autocannon' {
  import type { EventEmitter } from 'node:events';

  interface BuiltRequest {
    method: string;
    path: string;
    headers: Record<string, string>;
    body?: Buffer;
  }

  interface RequestOptions {
    method: string;
    path: string;
    /** Called before each request; its result is what is sent. */
    setupRequest(request: BuiltRequest): BuiltRequest;
    onResponse?(status: number, body: string): void;
  }

  interface Options {
    url: string;
    connections: number;
    /** Requests a second, all connections together. */
    overallRate: number;
    /** Seconds. */
    duration: number;
    /** Seconds. */
    timeout: number;
    requests: RequestOptions[];
  }

  interface Instance extends EventEmitter {
    stop(): void;
    then(
      resolve: (result: { errors: number; timeouts: number }) => void,
      reject?: (error: Error) => void,
    ): void;
    on(
      event: 'response',
      listener: (client: unknown, status: number, bytes: number, responseMs: number) => void,
    ): this;
    on(event: 'reqError', listener: (error: Error) => void): this;
  }

  export default function autocannon(options: Options): Instance;
}
