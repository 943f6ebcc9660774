import type { Resource } from '@opentelemetry/resources';
import type { MeterProvider, PushMetricExporter, ScopeMetrics } from '@opentelemetry/sdk-metrics';
import type { Family } from '../family.js';
import { hrTime } from './hr-time.js';
import type { OtlpSdk } from './load-sdk.js';
import { metricData } from './metric-data.js';
import { INTERVAL_MS, LONGEST_EXPORT_MS, type Signal, signalSettings } from './signal-settings.js';
import { tellingOnce } from './telling-once.js';

/** What is sent, and since when it was counted (wall clock). */
export interface Figures {
  families: () => readonly Family[];
  startedAtMs: () => number;
}

/** Sends the families every few seconds; the provider also does when it is told to. */
export function startMetricsExport(
  sdk: OtlpSdk,
  resource: Resource,
  signal: Signal,
  figures: Figures,
): MeterProvider {
  const { metrics, metricExporter } = sdk;
  const exporter = new metricExporter.OTLPMetricExporter(signalSettings(signal, 'metrics'));
  const reader = new metrics.PeriodicExportingMetricReader({
    exporter: quiet(exporter, signal),
    exportIntervalMillis: INTERVAL_MS,
    exportTimeoutMillis: LONGEST_EXPORT_MS,
    // Nothing is counted by instruments of the SDK: the clients have counted it.
    metricProducers: [
      {
        collect: async () => ({
          resourceMetrics: { resource, scopeMetrics: [scopeMetrics(sdk, signal.version, figures)] },
          errors: [],
        }),
      },
    ],
  });
  return new metrics.MeterProvider({ resource, readers: [reader] });
}

function scopeMetrics(sdk: OtlpSdk, version: string, { families, startedAtMs }: Figures): ScopeMetrics {
  const startTime = hrTime(startedAtMs());
  const endTime = hrTime(Date.now());
  return {
    scope: { name: 'c2m', version },
    metrics: families()
      .filter(({ points }) => points.length > 0)
      .map((family) => metricData(sdk, family, startTime, endTime)),
  };
}

function quiet(inner: PushMetricExporter, { state, tell }: Signal): PushMetricExporter {
  return {
    export: tellingOnce((items, done) => inner.export(items, done), state, tell),
    forceFlush: () => inner.forceFlush(),
    shutdown: () => inner.shutdown(),
  };
}
