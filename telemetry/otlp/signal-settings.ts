import type { Connections } from './connections.js';
import type { ExportState } from './telling-once.js';

/** Metrics go out so often. */
export const INTERVAL_MS = 5000;
/** The SDK gives an export up by then: no later than the end of a run does. */
export const LONGEST_EXPORT_MS = 4000;
/** Of one request and its repetitions, unless the environment says otherwise. */
const TIMEOUT_MS = 3000;
/** Requests of a signal that are under way. */
const CONCURRENCY = 1;

/** What metrics and traces have in common: where they go, and who is told that nothing arrives. */
export interface Signal {
  /** Of the receiver; undefined: what the environment says, else this machine. */
  url: string | undefined;
  version: string;
  state: ExportState;
  connections: Connections;
  tell: (why: string) => void;
}

/** For an exporter of the SDK, which reads from the environment what is left out. */
export function signalSettings({ url, connections }: Signal, signal: 'metrics' | 'traces') {
  const isTimed = Object.keys(process.env).some((name) => /^OTEL_EXPORTER_OTLP_(\w+_)?TIMEOUT$/.test(name));
  return {
    concurrencyLimit: CONCURRENCY,
    httpAgentOptions: connections.agentFor,
    ...(!isTimed && { timeoutMillis: TIMEOUT_MS }),
    ...(url !== undefined && { url: signalUrl(url, signal) }),
  };
}

/** As for OTEL_EXPORTER_OTLP_ENDPOINT, the path of the signal comes behind that of the receiver. */
function signalUrl(url: string, signal: string): string {
  const whole = new URL(url);
  whole.pathname = `${whole.pathname.replace(/\/+$/, '')}/v1/${signal}`;
  return whole.href;
}
