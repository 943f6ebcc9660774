import type { Histogram } from 'hdr-histogram-js';
import type { LatencySummary, Measurement } from '../../record/run.js';
import type { MediaPlan, MessagePlan } from '../../scenarios/scenario.js';
import { Arrivals } from '../agent/arrivals.js';
import {
  emptyHistogram,
  type MediaKind,
  type RecordedMediaKind,
  recordMs,
  takeHistograms,
} from '../agent/interval-histograms.js';
import { randomStream } from '../random.js';
import type { LatencyRecorder } from '../recording/latency-recorder.js';
import { HttpClient, type HttpOutcome, type HttpRequest } from './http-client.js';
import { MediaContent } from './media-content.js';
import { type RequestCounts, RequestWorkload } from './request-workload.js';
import { readStoredFile, type StoredFile, uploadFirst, uploadOf } from './stored-file.js';

/** Uploaded before the run, for the first downloads and for the messages to carry. */
const FIRST_FILES = 16;
/** To download; the oldest makes room. */
const LINKS_KEPT = 1000;

export interface MediaSettings extends MediaPlan {
  /** As that of the messages. */
  arrival: MessagePlan['arrival'];
  seed: number;
}

export const MEDIA_LIMITS = {
  /** From the sending of a request to the last byte of its answer. */
  timeoutMs: 20_000,
  /** Requests that wait for a connection, of each kind; at 100 a second that is a server which stood still for 16 minutes. */
  mostWaiting: 100_000,
};

/** Uploads and downloads while messages go on: an open workload of each, over connections of its own. */
export class MediaLoad {
  /** What messages carry: a link and a thumbnail, as JSON. */
  readonly attachments: string[] = [];
  readonly #url: URL;
  readonly #settings: MediaSettings;
  readonly #limits: typeof MEDIA_LIMITS;
  readonly #content: MediaContent;
  readonly #authorization: string;
  /** Of the newest files, in a ring. */
  readonly #links: string[] = [];
  readonly #clients: Record<MediaKind, HttpClient>;
  readonly #workloads: Partial<Record<MediaKind, RequestWorkload>> = {};
  readonly #histograms: Record<RecordedMediaKind, Histogram> = {
    upload: emptyHistogram(),
    uploadLag: emptyHistogram(),
    download: emptyHistogram(),
    downloadLag: emptyHistogram(),
  };
  #uploaded = 0;
  #downloaded = 0;

  private constructor(
    url: URL,
    settings: MediaSettings,
    limits: typeof MEDIA_LIMITS,
    content: MediaContent,
    authorization: string,
  ) {
    this.#url = url;
    this.#settings = settings;
    this.#limits = limits;
    this.#content = content;
    this.#authorization = authorization;
    const client = () => new HttpClient(url, settings.connections, limits.timeoutMs);
    this.#clients = { upload: client(), download: client() };
  }

  /**
   * Uploads the first files.
   * @throws RunError where the server takes none
   */
  static async prepare(
    url: string,
    settings: MediaSettings,
    user: number,
    token: string,
    limits = MEDIA_LIMITS,
  ): Promise<MediaLoad> {
    const content = await MediaContent.of(settings.bytes);
    const authorization = `Basic ${Buffer.from(`${user}:${token}`).toString('base64')}`;
    const load = new MediaLoad(new URL(url), settings, limits, content, authorization);
    try {
      await load.#uploadFirst();
      return load;
    } catch (error) {
      load.cut();
      throw error;
    }
  }

  /** @param startMs monotonic, from when requests fall due, for `durationMs` */
  start(startMs: number, durationMs: number): void {
    const { uploadRate, downloadRate } = this.#settings;
    const endMs = startMs + durationMs;
    this.#workloads.upload = this.#workload('upload', uploadRate, startMs, endMs);
    this.#workloads.download = this.#workload('download', downloadRate, startMs, endMs);
  }

  /** Nothing falls due any more. Ends when nothing is under way; what is not asked within `askForMs` never is. */
  async drain(askForMs: number): Promise<void> {
    await Promise.all(Object.values(this.#workloads).map((workload) => workload.drain(askForMs)));
  }

  /** Ends at once: what waits is never asked, what is under way has failed, and all connections are closed. */
  cut(): void {
    for (const workload of Object.values(this.#workloads)) workload.cut();
    for (const client of Object.values(this.#clients)) client.close();
  }

  /** Since the last call; kinds without values are left out. */
  take(): Partial<Record<RecordedMediaKind, string>> {
    return takeHistograms(this.#histograms);
  }

  summary(latency: LatencyRecorder): NonNullable<Measurement['media']> {
    const of = (kind: MediaKind) => ({
      ...(this.#workloads[kind]?.counts ?? NO_COUNTS),
      latency: latency.summary(kind),
      lagMs: lagOf(latency.summary(`${kind}Lag`)),
    });
    return { uploads: of('upload'), downloads: of('download') };
  }

  async #uploadFirst(): Promise<void> {
    for (let count = 0; count < FIRST_FILES; count += 1) {
      const file = await uploadFirst(this.#clients.upload, this.#url, this.#nextUpload());
      this.#keep(file);
      this.attachments.push(JSON.stringify(file));
    }
  }

  #workload(kind: MediaKind, rate: number, startMs: number, endMs: number): RequestWorkload {
    const { arrival, seed, connections } = this.#settings;
    // Users have the keys from 0 on.
    const random = randomStream(seed, `${kind}s`);
    return new RequestWorkload(new Arrivals(arrival, { from: rate, to: rate }, startMs, endMs, random), {
      connections,
      mostWaiting: this.#limits.mostWaiting,
      ask: () => (kind === 'upload' ? this.#upload() : this.#download()),
      recordLatency: (ms) => recordMs(this.#histograms[kind], ms),
      recordLag: (ms) => recordMs(this.#histograms[`${kind}Lag`], ms),
    });
  }

  async #upload(): Promise<HttpOutcome> {
    const outcome = await this.#clients.upload.ask(this.#nextUpload());
    if (outcome.kind !== 'answered' || outcome.status >= 300) return outcome;
    const file = readStoredFile(outcome.text);
    if (file) this.#keep(file);
    return { ...outcome, bytes: this.#settings.bytes };
  }

  #download(): Promise<HttpOutcome> {
    this.#downloaded += 1;
    // The path alone: whatever host a link names, load goes to the media port of the scenario.
    const { pathname, search } = new URL(this.#links[this.#downloaded % this.#links.length] as string);
    return this.#clients.download.ask({
      method: 'GET',
      path: pathname + search,
      headers: {},
      body: [],
      textBytes: 0,
    });
  }

  #nextUpload(): HttpRequest {
    return uploadOf(this.#content.make(), this.#url.pathname.replace(/\/+$/, ''), this.#authorization);
  }

  #keep({ link }: StoredFile): void {
    this.#links[this.#uploaded % LINKS_KEPT] = link;
    this.#uploaded += 1;
  }
}

const NO_COUNTS: RequestCounts = { due: 0, count: 0, bytes: 0, failed: 0, unsent: 0 };

function lagOf({
  p50,
  p99,
  p999,
  max,
}: LatencySummary): Pick<LatencySummary, 'p50' | 'p99' | 'p999' | 'max'> {
  return { p50, p99, p999, max };
}
