import type { SpanContext, Tracer } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { RunRecord } from '../../record/run.js';
import type { RunPlace } from '../run-place.js';
import { hrTime } from './hr-time.js';
import type { OtlpSdk } from './load-sdk.js';
import { type RunSpan, runSpans, traceIdOf } from './run-spans.js';
import { LONGEST_EXPORT_MS, type Signal, signalSettings } from './signal-settings.js';
import { tellingOnce } from './telling-once.js';

export interface TraceExport {
  /** Takes the trace of a run, and sends it once it is flushed. @param place among the runs of the command */
  take(record: RunRecord, place: RunPlace): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** Spans that wait to be sent; what comes after them is dropped. */
const MOST_SPANS = 2048;

export function startTraceExport(
  { api, trace, traceExporter }: OtlpSdk,
  resource: Resource,
  signal: Signal,
): TraceExport {
  const exporter = new traceExporter.OTLPTraceExporter(signalSettings(signal, 'traces'));
  const random = new trace.RandomIdGenerator();
  let traceId: string | undefined;
  const provider = new trace.TracerProvider({
    resource,
    // Whoever has the record finds the trace, and the other way round.
    idGenerator: {
      generateTraceId: () => traceId ?? random.generateTraceId(),
      generateSpanId: () => random.generateSpanId(),
    },
    spanProcessors: [
      new trace.BatchSpanProcessor({
        exporter: quiet(exporter, signal),
        maxQueueSize: MOST_SPANS,
        // All of them in one request: several at once would be more than may be under way.
        maxExportBatchSize: MOST_SPANS,
        exportTimeoutMillis: LONGEST_EXPORT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer('c2m', signal.version);
  return {
    take: (record, place) => {
      traceId = traceIdOf(record);
      emit(api, tracer, runSpans(record, place), undefined);
    },
    forceFlush: () => provider.forceFlush(),
    shutdown: () => provider.shutdown(),
  };
}

/** A span and all within it. */
function emit(api: OtlpSdk['api'], tracer: Tracer, span: RunSpan, parent: SpanContext | undefined): void {
  const context = parent ? api.trace.setSpanContext(api.ROOT_CONTEXT, parent) : api.ROOT_CONTEXT;
  const { name, startMs, endMs, attributes, error } = span;
  const made = tracer.startSpan(name, { startTime: hrTime(startMs), attributes, root: !parent }, context);
  for (const event of span.events) made.addEvent(event.name, event.attributes, hrTime(event.atMs));
  if (error !== undefined) made.setStatus({ code: api.SpanStatusCode.ERROR, message: error });
  for (const child of span.children) emit(api, tracer, child, made.spanContext());
  made.end(hrTime(endMs));
}

function quiet(inner: SpanExporter, { state, tell }: Signal): SpanExporter {
  return {
    export: tellingOnce((items, done) => inner.export(items, done), state, tell),
    forceFlush: async () => inner.forceFlush?.(),
    shutdown: () => inner.shutdown(),
  };
}
