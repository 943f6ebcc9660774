import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { Message } from './protobuf.js';

/** A figure as it arrived; of a histogram the counts of its buckets. */
export interface ReceivedPoint {
  attributes: Record<string, unknown>;
  value: number | undefined;
  buckets: number[];
  bounds: number[];
  count: number | undefined;
  sum: number | undefined;
  startMs: number;
  timeMs: number;
}

export interface ReceivedMetric {
  name: string;
  description: string;
  unit: string;
  kind: 'gauge' | 'sum' | 'histogram';
  isMonotonic: boolean;
  isCumulative: boolean;
  points: ReceivedPoint[];
}

export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentId: string;
  name: string;
  startMs: number;
  endMs: number;
  attributes: Record<string, unknown>;
  events: { name: string; attributes: Record<string, unknown> }[];
  /** 2 is an error. */
  status: number;
}

/** One request. */
interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  resource: Record<string, unknown>;
  metrics: ReceivedMetric[];
  spans: ReceivedSpan[];
}

export interface OtlpReceiver {
  url: string;
  requests: Received[];
  /** Of the newest request that had it. */
  metric(name: string): ReceivedMetric | undefined;
  spans(): ReceivedSpan[];
  close(): Promise<void>;
}

/**
 * Receives OTLP over HTTP in Protocol Buffers and decodes it by the numbers of its fields
 * (https://github.com/open-telemetry/opentelemetry-proto, 1.x).
 * @param answer undefined: never
 */
export async function startOtlpReceiver(answer: number | undefined = 200): Promise<OtlpReceiver> {
  const requests: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      requests.push(decode(request.url ?? '', request.headers, new Message(bytes)));
      if (answer !== undefined) response.writeHead(answer).end();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    metric: (name) =>
      requests
        .flatMap(({ metrics }) => metrics)
        .reverse()
        .find((each) => each.name === name),
    spans: () => requests.flatMap(({ spans }) => spans),
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function decode(path: string, headers: IncomingHttpHeaders, body: Message): Received {
  const ofResources = body.messages(1);
  const resource = attributesOf(ofResources[0]?.message(1), 1);
  const within = ofResources.flatMap((each) => each.messages(2)).flatMap((scope) => scope.messages(2));
  const isTraces = path.endsWith('/v1/traces');
  return {
    path,
    headers,
    resource,
    metrics: isTraces ? [] : within.map(metricOf),
    spans: isTraces ? within.map(spanOf) : [],
  };
}

function metricOf(metric: Message): ReceivedMetric {
  const [gauge, sum, histogram] = [metric.message(5), metric.message(7), metric.message(9)];
  const data = gauge ?? sum ?? histogram;
  return {
    name: metric.text(1),
    description: metric.text(2),
    unit: metric.text(3),
    kind: gauge ? 'gauge' : sum ? 'sum' : 'histogram',
    isMonotonic: sum?.number(3) === 1,
    isCumulative: data?.number(2) === 2,
    points: (data?.messages(1) ?? []).map((point) =>
      histogram ? histogramPoint(point) : numberPoint(point),
    ),
  };
}

function numberPoint(point: Message): ReceivedPoint {
  return {
    ...timesOf(point),
    attributes: attributesOf(point, 7),
    value: point.double(4),
    buckets: [],
    bounds: [],
    count: undefined,
    sum: undefined,
  };
}

function histogramPoint(point: Message): ReceivedPoint {
  return {
    ...timesOf(point),
    attributes: attributesOf(point, 9),
    value: undefined,
    buckets: point.fixed64s(6),
    bounds: point.doubles(7),
    count: Number(point.fixed64(4)),
    sum: point.double(5),
  };
}

function timesOf(point: Message): { startMs: number; timeMs: number } {
  return { startMs: msOf(point.fixed64(2)), timeMs: msOf(point.fixed64(3)) };
}

function spanOf(span: Message): ReceivedSpan {
  return {
    traceId: span.hex(1),
    spanId: span.hex(2),
    parentId: span.hex(4),
    name: span.text(5),
    startMs: msOf(span.fixed64(7)),
    endMs: msOf(span.fixed64(8)),
    attributes: attributesOf(span, 9),
    events: span.messages(11).map((event) => ({ name: event.text(2), attributes: attributesOf(event, 3) })),
    status: span.message(15)?.number(3) ?? 0,
  };
}

function msOf(nanoseconds: bigint | undefined): number {
  return Number((nanoseconds ?? 0n) / 1000n) / 1000;
}

function attributesOf(message: Message | undefined, field: number): Record<string, unknown> {
  const pairs = (message?.messages(field) ?? []).map((pair) => {
    const value = pair.message(2);
    const text = value?.text(1);
    return [pair.text(1), text || (value?.double(4) ?? value?.number(3) ?? value?.number(2))];
  });
  return Object.fromEntries(pairs);
}
