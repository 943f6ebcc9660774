import { compareSets, type SetOfRuns } from '../record/comparison/compare-sets.js';
import { readRunRecord } from '../record/folder.js';
import { InputError } from '../record/input-error.js';
import { listPage } from '../reports/browse/list-page.js';
import { readListQuery } from '../reports/browse/list-query.js';
import { foundBy, type ListedRun, setsOf } from '../reports/browse/listed-run.js';
import { messagePage } from '../reports/browse/message-page.js';
import { trendPage } from '../reports/browse/trend-page.js';
import { distributionsOf } from '../reports/distributions.js';
import { plural } from '../reports/format.js';
import { comparisonPage } from '../reports/html/comparison-page.js';
import { pageServer } from './page-server.js';
import { idOf, RecordIndex } from './record-index.js';
import { REPORT_POLICY, reportOf } from './stored-report.js';

/** Pages without a script; the style of each is in it. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** Of both sides; each is read as a whole. */
const MOST_COMPARED = 100;

/** The pages over the records below a folder. */
export interface RecordsServer {
  readonly address: string;
  close(): Promise<void>;
}

type Query = Readonly<Record<string, unknown>>;

/**
 * @param folder exists
 * @param port 0: one that is free
 * @throws InputError where the port cannot be had
 */
export async function serveRecords(folder: string, port: number): Promise<RecordsServer> {
  const { app, guard, listen, close } = pageServer(POLICY);
  const { place } = guard;
  const index = new RecordIndex(folder);
  const html = 'text/html; charset=utf-8';

  app.addHook('preHandler', () => index.refresh());
  app.setErrorHandler((error: Error, _request, reply) =>
    reply
      .code(500)
      .type(html)
      .send(messagePage('This page cannot be made', error.message, place)),
  );
  app.get(place, async (request, reply) => {
    const { runs, metrics, progress, leftOut } = index;
    const listing = { folder, runs, sets: setsOf(runs, idOf), metrics, progress, leftOut };
    return reply.type(html).send(listPage(listing, readListQuery(request.query as Query)));
  });
  app.get(`${place}trend`, async (request, reply) => {
    const query = request.query as Query;
    const search = textOf(query.q);
    const metric = textOf(query.metric) || 'latency.delivered.p99';
    const ticked = (['base', 'current'] as const).flatMap((side) =>
      listOf(query[side]).map((id) => ({ side, id })),
    );
    const chosen = chosenRuns(
      index,
      ticked.map(({ id }) => id),
    );
    const runs = chosen.length > 0 ? chosen : foundBy(index.runs, search);
    return reply
      .type(html)
      .send(
        trendPage({ metric, search: chosen.length > 0 ? '' : search, runs, metrics: index.metrics, ticked }),
      );
  });
  app.get(`${place}compare`, async (request, reply) => {
    const query = request.query as Query;
    const [base, current] = [chosenRuns(index, listOf(query.base)), chosenRuns(index, listOf(query.current))];
    const why = whyNot(base, current);
    if (why !== undefined)
      return reply
        .code(400)
        .type(html)
        .send(messagePage('Nothing to compare', why, place));
    const [before, after] = [await readSet(index, base), await readSet(index, current)];
    const folders = {
      base: base.map((run) => index.folderOf(run)),
      current: current.map((run) => index.folderOf(run)),
    };
    return reply
      .type(html)
      .send(comparisonPage(compareSets(before, after), await distributionsOf(folders), place));
  });
  app.get(`${place}report/:id`, async (request, reply) => {
    const run = index.byId((request.params as { id: string }).id);
    if (!run) {
      const words = 'No record here has that name any more; it may have been removed.';
      return reply
        .code(404)
        .type(html)
        .send(messagePage('No such run', words, place));
    }
    reply.header('content-security-policy', REPORT_POLICY);
    return reply.type(html).send(await reportOf(index.folderOf(run)));
  });

  const address = await listen(port);
  return { address, close };
}

/** Runs by their ids, and those of sets by theirs, each once. */
function chosenRuns(index: RecordIndex, ids: readonly string[]): ListedRun[] {
  const wanted = new Set(ids);
  return index.runs.filter(
    ({ id, set, facts }) => facts !== undefined && (wanted.has(id) || (set !== '' && wanted.has(idOf(set)))),
  );
}

function whyNot(base: readonly ListedRun[], current: readonly ListedRun[]): string | undefined {
  if (base.length === 0 || current.length === 0)
    return 'Tick at least one run or set as base, and one as current; damaged ones cannot be compared.';
  const count = base.length + current.length;
  return count > MOST_COMPARED
    ? `${plural(count, 'run')} are ticked; up to ${MOST_COMPARED} can be compared here, and any number with c2m compare.`
    : undefined;
}

async function readSet(index: RecordIndex, runs: readonly ListedRun[]): Promise<SetOfRuns> {
  const records = [];
  for (const run of runs) records.push(await readRunRecord(index.folderOf(run)));
  const [first, ...others] = runs;
  if (!first) throw new InputError('a side has no runs');
  const isSet = others.length > 0 && first.set !== '' && others.every(({ set }) => set === first.set);
  const name = isSet
    ? first.set
    : runs
        .slice(0, 3)
        .map(({ path }) => path)
        .join(', ');
  return { name: !isSet && runs.length > 3 ? `${name} and ${runs.length - 3} more` : name, runs: records };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim().slice(0, 300) : '';
}

function listOf(value: unknown): string[] {
  const values = Array.isArray(value) ? value : [value];
  return values.filter((each) => typeof each === 'string');
}
