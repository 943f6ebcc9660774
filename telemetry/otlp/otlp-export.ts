import { setTimeout as sleep } from 'node:timers/promises';
import type { Resource } from '@opentelemetry/resources';
import type { RunRecord } from '../../record/run.js';
import { LONE_RUN, type RunPlace } from '../run-place.js';
import { type Connections, connectionsOf } from './connections.js';
import { loadOtlpSdk, type OtlpSdk } from './load-sdk.js';
import { type Figures, startMetricsExport } from './metrics-export.js';
import { LONGEST_EXPORT_MS, type Signal } from './signal-settings.js';
import { startTraceExport } from './trace-export.js';

/** What is told to a receiver of OTLP while runs go on, and when they have ended. */
export interface OtlpExport {
  /** A run has begun: its first figures go out, and whether anybody takes them is known long before its end. */
  began(): void;
  /** A run has ended: its trace, and its last figures. Comes back in seconds at most, whatever the receiver does. */
  ended(record: RunRecord, place?: RunPlace): Promise<void>;
  close(): Promise<void>;
}

export interface OtlpSettings extends Figures {
  /** Of the receiver, to which the path of each signal is added; undefined: what the environment says, else this machine. */
  url: string | undefined;
  version: string;
  /** Told once why nothing arrives. */
  tell: (why: string) => void;
}

/** What the end of a run waits for at most, and where nothing arrived until then. */
const END_MS = LONGEST_EXPORT_MS;
const END_FAILING_MS = 1000;
const NO_ANSWER = 'it did not answer in time';

/** @throws InputError where the SDK is not there */
export async function startOtlpExport(settings: OtlpSettings): Promise<OtlpExport> {
  const sdk = await loadOtlpSdk();
  const { url, version } = settings;
  const [ofMetrics, ofTraces] = [{ isFailing: false }, { isFailing: false }];
  let isTold = false;
  const tell = (why: string): void => {
    if (!isTold) settings.tell(why);
    isTold = true;
  };
  const [toMetrics, toTraces] = [connectionsOf('metrics'), connectionsOf('traces')];
  const signal = (state: Signal['state'], connections: Connections): Signal => ({
    url,
    version,
    state,
    connections,
    tell,
  });
  const resource = resourceOf(sdk, version);
  const meters = startMetricsExport(sdk, resource, signal(ofMetrics, toMetrics), settings);
  const traces = startTraceExport(sdk, resource, signal(ofTraces, toTraces));
  /** What was waited for last did not come to its end, in time or at all. */
  let isUnfinished = false;
  const isFailing = (): boolean => ofMetrics.isFailing || ofTraces.isFailing || isUnfinished;
  /** Whatever the SDK makes of it: it is waited for a while, and what it throws is told like all else. */
  const bounded = async (...work: Promise<void>[]): Promise<void> => {
    const end = await Promise.race([
      Promise.all(work).then(
        () => undefined,
        (thrown: unknown) => thrownWords(thrown),
      ),
      sleep(isFailing() ? END_FAILING_MS : END_MS, NO_ANSWER, { ref: false }),
    ]);
    isUnfinished = end !== undefined;
    if (end !== undefined) tell(end);
  };
  return {
    began: () => {
      void bounded(meters.forceFlush());
    },
    ended: async (record, place = LONE_RUN) => {
      traces.take(record, place);
      await bounded(meters.forceFlush(), traces.forceFlush());
    },
    // Shutting down sends once more, and tries for seconds where nobody is there or nobody answers.
    close: async () => {
      if (!isFailing()) await bounded(meters.shutdown(), traces.shutdown());
      toMetrics.end();
      toTraces.end();
    },
  };
}

/** The SDK also throws lists of errors, of which some say nothing. */
function thrownWords(thrown: unknown): string {
  const [first] = Array.isArray(thrown) ? thrown : [thrown];
  return (first as Error | undefined)?.message || NO_ANSWER;
}

/** What all of it is of; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win. */
function resourceOf({ resources }: OtlpSdk, version: string): Resource {
  return resources
    .defaultResource()
    .merge(resources.resourceFromAttributes({ 'service.name': 'c2m', 'service.version': version }))
    .merge(resources.detectResources({ detectors: [resources.envDetector] }));
}
