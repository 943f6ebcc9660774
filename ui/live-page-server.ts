import type { RunRecord } from '../record/run.js';
import type { TimelineSample } from '../record/timeline.js';
import { browserScript, chartLibrary, LIVE_MODULES } from '../reports/html/browser-script.js';
import { livePage, liveStyle } from '../reports/live/live-page.js';
import type { LiveAgents, LivePlan } from '../reports/live/live-plan.js';
import { LiveReport } from '../reports/live/live-report.js';
import type { ReportedRun } from '../reports/reported-run.js';
import { EventClients } from './event-clients.js';
import { FrameStream } from './frame-stream.js';
import { LoadingPages } from './loading-pages.js';
import { pageServer } from './page-server.js';
import { type AskedRun, addRunActions } from './run-actions.js';
import { sparingly } from './sparingly.js';

/** Nothing but what this server itself has: no script in the page, no other host. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; form-action 'none'; " +
  "base-uri 'none'; frame-ancestors 'none'";

/** How long the end waits for pages that do not take their last words. */
const LAST_WORDS_MS = 3000;

/** A run as its page is told of it. */
export interface ShownRun {
  /** The run can be asked from now on. */
  control(run: AskedRun): void;
  phase(phase: { name: string; durationMs: number | null }): void;
  agents(agents: LiveAgents): void;
  sample(sample: TimelineSample): void;
  /** What was measured until now. */
  record(record: RunRecord): void;
  /** It is over. @param run its record as it was written; undefined: it left none */
  finished(run: ReportedRun | undefined): void;
}

/** The page of the runs of this process. */
export interface LivePageServer {
  /** Where it is entered, by the user who started the run and nobody else. */
  readonly address: string;
  /** What the page died of, while the run went on; undefined: it lives. */
  readonly fault: Error | undefined;
  /** The page is that of this run from now on. */
  begin(plan: LivePlan): ShownRun;
  /** Hands the last report over to the pages that are open, and ends. */
  close(): Promise<void>;
}

/**
 * @param port 0: one that is free
 * @param by who asks for what is asked for on the page, for the record
 * @throws InputError where the port cannot be had
 */
export async function serveLivePage(port: number, by: string): Promise<LivePageServer> {
  const server = pageServer(POLICY);
  const { app, guard } = server;
  const { place, key } = guard;
  const clients = new EventClients();
  const loading = new LoadingPages();
  let shown = new LiveReport(NOTHING);
  let asked: AskedRun | undefined;
  let folder: string | undefined;
  let fault: Error | undefined;
  const stream = new FrameStream(shown.frame(performance.now()));
  /** Pages that are being loaded. */
  let loads = 0;
  /** A page was handed a frame that is not the newest. */
  let isBehind = false;
  let written = { version: -1, html: '' };

  const publish = (): void => {
    const event = stream.next(shown.frame(performance.now()));
    if (event) clients.send(event);
  };
  // Nobody looks: nothing is drawn.
  const isLookedAt = (): boolean => clients.count + loads > 0;
  const pace = sparingly(
    async () => (isLookedAt() ? await shown.followLatencies() : undefined),
    () => (isLookedAt() ? publish() : undefined),
    (error) => {
      fault = error;
    },
  );
  const draw = (): void => {
    if (clients.count > 0) pace.ask();
  };
  /** The page of the frame that was drawn last, written once for all who load it. */
  const pageNow = (): string => {
    const { version, frame } = stream;
    if (written.version !== version) written = { version, html: livePage(frame, version, key) };
    return written.html;
  };

  await addFiles(server);
  app.get(place, async (_request, reply) => {
    loads += 1;
    // However often it is loaded, a run that is measured pays for no more than its followers do.
    isBehind = !(await pace.now());
    loads -= 1;
    if (fault) throw fault;
    loading.handedOut();
    return reply.type('text/html; charset=utf-8').send(pageNow());
  });
  app.get(`${place}changes`, async (request, reply) => {
    const { after } = request.query as { after?: string };
    const seen = Number(request.headers['last-event-id'] ?? after);
    // A page that comes back followed before.
    if (request.headers['last-event-id'] === undefined) loading.arrived();
    for (const [name, value] of Object.entries(reply.getHeaders()))
      reply.raw.setHeader(name, value as string);
    if (clients.add(reply.raw, stream.since(Number.isInteger(seen) ? seen : -1))) {
      if (isBehind) draw();
      isBehind = false;
      return reply.hijack();
    }
    return reply.code(503).type('text/plain').send('Too many pages follow this run; close one of them.\n');
  });
  addRunActions(app, place, () => asked, by);

  const address = await server.listen(port);
  return {
    address,
    get fault() {
      return fault;
    },
    begin: (plan) => {
      const report = new LiveReport(plan);
      [shown, asked, folder] = [report, undefined, undefined];
      draw();
      const tell = (change: () => void): void => {
        change();
        draw();
      };
      return {
        control: (run) => {
          asked = run;
        },
        phase: (phase) => tell(() => report.phase(phase, performance.now())),
        agents: (agents) => tell(() => report.agents(agents)),
        sample: (sample) => tell(() => report.sample(sample)),
        record: (record) => report.record(record),
        finished: (run) => {
          asked = undefined;
          folder = run && plan.folder;
          report.finished(run);
          try {
            if (!fault) publish();
          } catch (error) {
            // The run is over, and its record written: a page that cannot be drawn takes nothing of that back.
            fault = error as Error;
          }
        },
      };
    },
    close: async () => {
      pace.stop();
      await loading.settled(LAST_WORDS_MS);
      const data = JSON.stringify({ heading: 'The run is over', words: lastWords(folder, fault) });
      await clients.end({ id: stream.version, name: 'over', data }, LAST_WORDS_MS);
      await server.close();
    },
  };
}

const NOTHING: LivePlan = {
  folder: '',
  scenario: 'c2m',
  description: '',
  clients: 0,
  phases: [],
  words: null,
};

async function addFiles({ app, guard }: ReturnType<typeof pageServer>): Promise<void> {
  const [{ script: charts }, script, style] = await Promise.all([
    chartLibrary(),
    browserScript(LIVE_MODULES),
    liveStyle(),
  ]);
  for (const [name, type, text] of [
    ['charts.js', 'text/javascript', charts],
    ['live.js', 'text/javascript', script],
    ['style.css', 'text/css', style],
  ] as const) {
    app.get(`${guard.place}${name}`, async (_request, reply) =>
      reply.type(`${type}; charset=utf-8`).send(text),
    );
  }
}

function lastWords(folder: string | undefined, fault: Error | undefined): string {
  if (fault) return `This page has failed before: ${fault.message}. The record tells how the run ended.`;
  if (folder === undefined) return 'c2m has ended, and nothing serves this page any more.';
  return (
    `This is its report now, the same as ${folder}/report.html. Nothing serves this page any more: it stays until it is ` +
    'closed or loaded again.'
  );
}
