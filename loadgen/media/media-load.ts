import autocannon, { type Instance, type RequestOptions } from 'autocannon';
import type { Histogram } from 'hdr-histogram-js';
import type { Measurement } from '../../record/run.js';
import type { MediaPlan } from '../../scenarios/scenario.js';
import { emptyHistogram, type MediaKind, takeHistograms } from '../agent/interval-histograms.js';
import type { LatencyRecorder } from '../recording/latency-recorder.js';
import { RunError } from '../run-error.js';
import { MediaContent } from './media-content.js';

/** Uploaded before the run, for the first downloads and for the messages to carry. */
const FIRST_FILES = 16;
/** Of the newest, which are downloaded. */
const LINKS_KEPT = 1000;
/** Longer than any run: it is stopped. */
const ENDLESS_SECONDS = 7 * 24 * 3600;
const TIMEOUT_SECONDS = 20;
const TYPE = 'image/jpeg';
const LONGEST_LINK = 2000;
/** Of what a server says when it refuses. */
const LONGEST_REASON = 500;

interface StoredFile {
  link: string;
  thumbnail: string | null;
}

/** Uploads and downloads by autocannon while messages go on, with histograms of our own kind. */
export class MediaLoad {
  /** What messages carry: a link and a thumbnail, as JSON. */
  readonly attachments: string[];
  readonly #url: string;
  readonly #plan: MediaPlan;
  readonly #content: MediaContent;
  readonly #headers: Record<string, string>;
  readonly #links: string[];
  readonly #instances: Instance[] = [];
  readonly #histograms: Record<MediaKind, Histogram> = {
    upload: emptyHistogram(),
    download: emptyHistogram(),
  };
  readonly #counts = { upload: newCounts(), download: newCounts() };
  #ended: Promise<unknown> = Promise.resolve();

  private constructor(
    url: string,
    plan: MediaPlan,
    content: MediaContent,
    headers: Record<string, string>,
    files: StoredFile[],
  ) {
    this.#url = url;
    this.#plan = plan;
    this.#content = content;
    this.#headers = headers;
    this.#links = files.map(({ link }) => link);
    this.attachments = files.map((file) => JSON.stringify(file));
  }

  /**
   * Uploads the first files.
   * @throws RunError where the server takes none
   */
  static async prepare(url: string, plan: MediaPlan, user: number, token: string): Promise<MediaLoad> {
    const content = await MediaContent.of(plan.bytes);
    const authorization = `Basic ${Buffer.from(`${user}:${token}`).toString('base64')}`;
    const headers = { authorization, 'content-type': TYPE };
    const files: StoredFile[] = [];
    for (let count = 0; count < FIRST_FILES; count += 1) {
      const { content: body, hash } = content.make();
      files.push(await upload(`${url}/media/${hash}`, body, headers));
    }
    return new MediaLoad(url, plan, content, headers, files);
  }

  start(): void {
    const { uploadRate, downloadRate } = this.#plan;
    if (uploadRate > 0) this.#run('upload', uploadRate, this.#uploading());
    if (downloadRate > 0) this.#run('download', downloadRate, this.#downloading());
  }

  /** Ends when what is under way has been answered. */
  async stop(): Promise<void> {
    for (const instance of this.#instances.splice(0)) instance.stop();
    await this.#ended;
  }

  /** Since the last call; kinds without values are left out. */
  take(): Partial<Record<MediaKind, string>> {
    return takeHistograms(this.#histograms);
  }

  summary(latency: LatencyRecorder): NonNullable<Measurement['media']> {
    return {
      uploads: { ...this.#counts.upload, latency: latency.summary('upload') },
      downloads: { ...this.#counts.download, latency: latency.summary('download') },
    };
  }

  #run(kind: MediaKind, rate: number, request: RequestOptions): void {
    const connections = Math.max(1, Math.min(this.#plan.connections, Math.floor(rate)));
    const instance = autocannon({
      url: this.#url,
      connections,
      overallRate: Math.max(1, Math.round(rate)),
      duration: ENDLESS_SECONDS,
      timeout: TIMEOUT_SECONDS,
      requests: [request],
    });
    // A request that was late because the one before was slow has waited too: the gaps are filled in, as Gil Tene's
    // HdrHistogram does against coordinated omission.
    const expectedMicroseconds = (connections / rate) * 1_000_000;
    const counts = this.#counts[kind];
    instance.on('response', (_client, status, bytes, responseMs) => {
      if (status >= 300) {
        counts.failed += 1;
        return;
      }
      counts.count += 1;
      counts.bytes += kind === 'upload' ? this.#plan.bytes : bytes;
      this.#histograms[kind].recordValueWithExpectedInterval(
        Math.max(1, Math.round(responseMs * 1000)),
        expectedMicroseconds,
      );
    });
    instance.on('reqError', () => {
      counts.failed += 1;
    });
    this.#instances.push(instance);
    const ended = new Promise((resolve) => instance.then(resolve, resolve));
    this.#ended = Promise.all([this.#ended, ended]);
  }

  #uploading(): RequestOptions {
    return {
      method: 'PUT',
      path: '/media',
      setupRequest: (request) => {
        const { content, hash } = this.#content.make();
        return {
          ...request,
          path: `/media/${hash}`,
          headers: { ...request.headers, ...this.#headers },
          body: content,
        };
      },
      onResponse: (status, body) => {
        const file = status < 300 ? storedFile(body) : undefined;
        if (file === undefined) return;
        this.#links.push(file.link);
        if (this.#links.length > LINKS_KEPT) this.#links.shift();
      },
    };
  }

  #downloading(): RequestOptions {
    let next = 0;
    return {
      method: 'GET',
      path: '/media',
      setupRequest: (request) => {
        next = (next + 1) % this.#links.length;
        // The path alone: whatever host a link names, load goes to the media port of the scenario.
        const { pathname, search } = new URL(this.#links[next] as string);
        return { ...request, path: pathname + search };
      },
    };
  }
}

function newCounts(): { count: number; bytes: number; failed: number } {
  return { count: 0, bytes: 0, failed: 0 };
}

async function upload(url: string, content: Buffer, headers: Record<string, string>): Promise<StoredFile> {
  // To where a server would redirect, nobody has allowed load; nor is the token shown there.
  const request = { method: 'PUT', body: new Uint8Array(content), headers, redirect: 'error' } as const;
  const answer = await fetch(url, request).catch((error: Error & { cause?: Error }) => {
    const reason = error.cause?.message ?? error.message;
    throw new RunError('C2M_RUN', `the media port ${url} does not answer (${reason}); correct target.media`);
  });
  const text = await answer.text();
  if (!answer.ok) {
    const words = text.slice(0, LONGEST_REASON);
    throw new RunError('C2M_RUN', `the media port refuses an upload with ${answer.status}: ${words}`);
  }
  const file = storedFile(text);
  if (file) return file;
  throw new RunError('C2M_RUN', `${url} does not answer as a media port of c2m; correct target.media`);
}

/** What an upload is answered with; undefined where it is something else. */
function storedFile(answer: string): StoredFile | undefined {
  try {
    const { link, thumbnail = null } = JSON.parse(answer) as Partial<StoredFile>;
    const isFile = typeof link === 'string' && URL.canParse(link) && link.length < LONGEST_LINK;
    const isImage = thumbnail === null || typeof thumbnail === 'string';
    return isFile && isImage ? { link, thumbnail } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}
