import { InputError } from '../../record/input-error.js';

/** What `--otlp` needs, and the versions that it was written for: SDK 2, which runs on every Node that c2m runs on. */
export const OTLP_PACKAGES = {
  '@opentelemetry/api': '1',
  '@opentelemetry/resources': '2',
  '@opentelemetry/sdk-metrics': '2',
  '@opentelemetry/sdk-trace': '2',
  '@opentelemetry/exporter-metrics-otlp-proto': '0.223',
  '@opentelemetry/exporter-trace-otlp-proto': '0.223',
} as const;

type Packages = {
  api: typeof import('@opentelemetry/api');
  resources: typeof import('@opentelemetry/resources');
  metrics: typeof import('@opentelemetry/sdk-metrics');
  trace: typeof import('@opentelemetry/sdk-trace');
  metricExporter: typeof import('@opentelemetry/exporter-metrics-otlp-proto');
  traceExporter: typeof import('@opentelemetry/exporter-trace-otlp-proto');
};

/** The SDK of OpenTelemetry, as much of it as a run needs. */
export type OtlpSdk = Packages;

/**
 * Loads the SDK, which c2m does not bring along: it is larger than c2m, and few need it.
 * @throws InputError that says how to install it
 */
export async function loadOtlpSdk(): Promise<OtlpSdk> {
  try {
    const [api, resources, metrics, trace, metricExporter, traceExporter] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-metrics'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-metrics-otlp-proto'),
      import('@opentelemetry/exporter-trace-otlp-proto'),
    ]);
    return { api, resources, metrics, trace, metricExporter, traceExporter };
  } catch (error) {
    throw missingSdk(error as NodeJS.ErrnoException);
  }
}

/** What to say where a package of it cannot be loaded. */
export function missingSdk({ code, message }: NodeJS.ErrnoException): Error {
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND')
    return new InputError(`--otlp: the SDK of OpenTelemetry cannot be loaded: ${message}`);
  const packages = Object.entries(OTLP_PACKAGES).map(([name, version]) => `${name}@${version}`);
  return new InputError(
    `--otlp needs the SDK of OpenTelemetry, which c2m does not bring along; install it beside c2m:\n` +
      `  npm install ${packages.join(' ')}`,
  );
}
