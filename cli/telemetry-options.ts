import type { Command } from 'commander';
import { isLoopback } from '../protocol/address.js';
import { InputError } from '../record/input-error.js';
import { quote } from '../record/quantity.js';

/** Where somebody may look while a run goes on. */
export interface TelemetryFlags {
  /** True: the default. */
  metrics?: string | true;
  otlp?: string | true;
}

/** No port of the reference server's, which may run beside. */
export const DEFAULT_METRICS_PORT = 9466;

export function telemetryOptions(command: Command): Command {
  return command
    .option(
      '--metrics [port]',
      `serve a Prometheus page while it runs: a port of 127.0.0.1 (default: ${DEFAULT_METRICS_PORT}), or HOST:PORT`,
    )
    .option(
      '--otlp [url]',
      'send metrics and a trace of the run by OTLP over HTTP (default: as OTEL_EXPORTER_OTLP_ENDPOINT says)',
    );
}

/** @throws InputError */
export function readMetricsAddress(given: string | true): {
  host: string;
  port: number;
  isLoopback: boolean;
} {
  const text = given === true ? String(DEFAULT_METRICS_PORT) : given;
  const [, host = '127.0.0.1', digits] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) {
    throw new InputError(
      `--metrics: ${quote(text)} is neither a port nor HOST:PORT; write --metrics ${DEFAULT_METRICS_PORT}, or put --metrics ` +
        'behind the scenario',
    );
  }
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return { host: bare, port, isLoopback: isLoopback(bare) };
}

/** @returns undefined: as the environment says @throws InputError */
export function readOtlpUrl(given: string | true): string | undefined {
  if (given === true) return undefined;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.href;
  throw new InputError(
    `--otlp: ${quote(given)} is no address of a receiver; write one such as http://127.0.0.1:4318, or put --otlp behind the scenario`,
  );
}
