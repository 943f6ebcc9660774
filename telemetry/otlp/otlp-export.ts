import { setTimeout as sleep } from 'node:timers/promises';
import type { HrTime, SpanContext, Tracer } from '@opentelemetry/api';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { RunRecord } from '../../record/run.js';
import type { Family } from '../family.js';
import { loadOtlpSdk, type OtlpSdk } from './load-sdk.js';
import { metricData } from './metric-data.js';
import { type RunSpan, runSpans, traceIdOf } from './run-spans.js';
import { type ExportState, tellingOnce } from './telling-once.js';

/** What is told to a receiver of OTLP while runs go on, and when they have ended. */
export interface OtlpExport {
  /** A run has ended: its trace, and its last figures. Comes back in seconds at most, whatever the receiver does. */
  ended(record: RunRecord): Promise<void>;
  close(): Promise<void>;
}

export interface OtlpSettings {
  /** Of the receiver, to which the path of each signal is added; undefined: what the environment says, else this machine. */
  url: string | undefined;
  version: string;
  families: () => readonly Family[];
  /** Wall clock; when the counters of the families began. */
  startedAtMs: () => number;
  /** Told once why nothing arrives. */
  tell: (why: string) => void;
}

const INTERVAL_MS = 5000;
/** Of one request and its repetitions. */
const TIMEOUT_MS = 3000;
/** What the end of a run waits for at most, and where nothing arrived until then. */
const END_MS = 4000;
const END_FAILING_MS = 1000;
/** Spans that wait to be sent; what comes after them is dropped. */
const MOST_SPANS = 2048;
/** Requests under way: one of metrics, one of spans. */
const CONCURRENCY = 2;

/** @throws InputError where the SDK is not there */
export async function startOtlpExport(settings: OtlpSettings): Promise<OtlpExport> {
  const sdk = await loadOtlpSdk();
  const { api, resources, metrics, trace, metricExporter, traceExporter } = sdk;
  const states: ExportState[] = [];
  let isTold = false;
  const tell = (why: string): void => {
    if (!isTold) settings.tell(why);
    isTold = true;
  };
  const observed = (): ExportState => {
    const state = { isFailing: false };
    states.push(state);
    return state;
  };
  const resource = resources
    .defaultResource()
    .merge(resources.resourceFromAttributes({ 'service.name': 'c2m', 'service.version': settings.version }))
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
    .merge(resources.detectResources({ detectors: [resources.envDetector] }));
  const toMetrics = new metricExporter.OTLPMetricExporter(exporterSettings(settings.url, 'metrics'));
  const reader = new metrics.PeriodicExportingMetricReader({
    exporter: quietMetrics(toMetrics, observed(), tell),
    exportIntervalMillis: INTERVAL_MS,
    exportTimeoutMillis: INTERVAL_MS,
    metricProducers: [
      {
        collect: async () => ({
          resourceMetrics: { resource, scopeMetrics: [scopeMetrics(sdk, settings)] },
          errors: [],
        }),
      },
    ],
  });
  const meters = new metrics.MeterProvider({ resource, readers: [reader] });
  const toTraces = new traceExporter.OTLPTraceExporter(exporterSettings(settings.url, 'traces'));
  const ids = new trace.RandomIdGenerator();
  let traceId: string | undefined;
  const traces = new trace.TracerProvider({
    resource,
    idGenerator: {
      generateTraceId: () => traceId ?? ids.generateTraceId(),
      generateSpanId: () => ids.generateSpanId(),
    },
    spanProcessors: [
      new trace.BatchSpanProcessor({
        exporter: quietTraces(toTraces, observed(), tell),
        maxQueueSize: MOST_SPANS,
        exportTimeoutMillis: INTERVAL_MS,
      }),
    ],
  });
  const tracer = traces.getTracer('c2m', settings.version);
  /** Whatever the SDK makes of it: it is waited for a while, and what it throws is told like all else. */
  const bounded = async (work: Promise<unknown>[]): Promise<void> => {
    const ms = states.some(({ isFailing }) => isFailing) ? END_FAILING_MS : END_MS;
    const all = Promise.all(work).catch((error: Error) => tell(error.message));
    await Promise.race([all, sleep(ms, undefined, { ref: false })]);
  };
  return {
    ended: async (record) => {
      traceId = traceIdOf(record);
      emit(api, tracer, runSpans(record), undefined);
      await bounded([meters.forceFlush(), traces.forceFlush()]);
    },
    close: () => bounded([meters.shutdown(), traces.shutdown()]),
  };
}

function exporterSettings(url: string | undefined, signal: 'metrics' | 'traces') {
  const isTimed = Object.keys(process.env).some((name) => /^OTEL_EXPORTER_OTLP_(\w+_)?TIMEOUT$/.test(name));
  return {
    concurrencyLimit: CONCURRENCY,
    ...(!isTimed && { timeoutMillis: TIMEOUT_MS }),
    ...(url !== undefined && { url: `${url.replace(/\/+$/, '')}/v1/${signal}` }),
  };
}

function scopeMetrics(sdk: OtlpSdk, { families, startedAtMs, version }: OtlpSettings) {
  const startTime = hrTime(startedAtMs());
  const endTime = hrTime(Date.now());
  return {
    scope: { name: 'c2m', version },
    metrics: families()
      .filter(({ points }) => points.length > 0)
      .map((family) => metricData(sdk, family, startTime, endTime)),
  };
}

function quietMetrics(
  inner: PushMetricExporter,
  state: ExportState,
  tell: (why: string) => void,
): PushMetricExporter {
  return {
    export: tellingOnce((items, done) => inner.export(items, done), state, tell),
    forceFlush: () => inner.forceFlush(),
    shutdown: () => inner.shutdown(),
  };
}

function quietTraces(inner: SpanExporter, state: ExportState, tell: (why: string) => void): SpanExporter {
  return {
    export: tellingOnce((items, done) => inner.export(items, done), state, tell),
    forceFlush: async () => inner.forceFlush?.(),
    shutdown: () => inner.shutdown(),
  };
}

/** Sends a span and all within it. */
function emit(api: OtlpSdk['api'], tracer: Tracer, span: RunSpan, parent: SpanContext | undefined): void {
  const context = parent ? api.trace.setSpanContext(api.ROOT_CONTEXT, parent) : api.ROOT_CONTEXT;
  const { name, startMs, endMs, attributes, error } = span;
  // Numbers would be taken for times of this process where they are from before it began.
  const made = tracer.startSpan(name, { startTime: hrTime(startMs), attributes, root: !parent }, context);
  for (const event of span.events) made.addEvent(event.name, event.attributes, hrTime(event.atMs));
  if (error !== undefined) made.setStatus({ code: api.SpanStatusCode.ERROR, message: error });
  for (const child of span.children) emit(api, tracer, child, made.spanContext());
  made.end(hrTime(endMs));
}

function hrTime(ms: number): HrTime {
  const seconds = Math.trunc(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
