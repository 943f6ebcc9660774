import { readFileSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';
import { beforeAll, describe, expect, test } from 'vitest';
import { formatAddress } from '../../protocol/address.js';
import type { ClusterStats, ServerStats } from '../../protocol/stats.js';
import { readSeries } from '../../scenarios/prometheus-series.js';
import { Metrics } from '../../server/admin/metrics.js';
import { prometheusPage } from '../../telemetry/prometheus-page.js';
import { runFamilies } from '../../telemetry/run-families.js';
import { RunState } from '../../telemetry/run-state.js';
import { runAgainstTarget } from '../support/lab-run.js';
import { addressOf, statsOf, testServer } from '../support/server.js';

interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { refId: string; expr: string }[];
}

const dashboard = JSON.parse(readFileSync('deploy/grafana/c2m.json', 'utf8')) as {
  panels: Panel[];
  annotations: { list: { name: string; expr: string }[] };
  templating: { list: { name: string; type: string; query: string | { query: string } }[] };
};

/** Series of a page: of each name the labels that it comes with. */
type Known = Map<string, Set<string>>;

function addPage(known: Known, page: string): void {
  for (const line of page.split('\n')) {
    const series = line === '' || line.startsWith('#') ? undefined : readSeries(line);
    if (!series) continue;
    const labels = known.get(series.metric) ?? new Set();
    for (const label of series.labels.keys()) labels.add(label);
    known.set(series.metric, labels);
  }
  // Counters that have nothing to count have no line yet.
  for (const [, name] of page.matchAll(/^# TYPE (\S+) /gm)) {
    if (!known.has(name as string)) known.set(name as string, new Set());
  }
}

const CLUSTER: ClusterStats = {
  name: 'trial',
  node: 'node-1',
  peers: [{ number: 1, node: 'node-1', worker: 0, isLeaving: false }],
  homes: [{ home: 0, owner: 1, epoch: 1, state: 'open' }],
  workers: [
    {
      worker: 0,
      peer: 1,
      homes: 1,
      turnsUnderWay: 0,
      logBytes: 0,
      busBytes: 0,
      heldBytes: 0,
      repeatedBatches: 0,
      openings: { handedOn: { count: 0, tookMs: 0 }, takenOver: { count: 1, tookMs: 5 } },
      opened: [],
    } as unknown as ClusterStats['workers'][number],
  ],
};

const known: Known = new Map();

/** A second of load on a real server, and both pages as they are then. */
beforeAll(async () => {
  const server = await testServer({ workers: 1, media: { port: 0 } } as Parameters<typeof testServer>[0]);
  const state = new RunState({
    scenario: 'mine',
    version: '0',
    clients: 100,
    phases: ['talk'],
    lagLimitMs: 50,
  });
  const { record } = await runAgainstTarget(
    { addresses: [formatAddress(addressOf(server))], admin: server.adminUrl },
    'gates: [messages.lost == 0]\nactions: [{ at: 500ms, do: cut, share: 10% }]',
    {
      phase: ({ name }) => {
        state.phase = name;
      },
      agents: (agents) => {
        state.agents = agents;
      },
      sample: (sample) => state.take(sample),
      recorded: (kinds) => state.recorded(kinds),
      record: (each) => {
        state.record = each;
      },
    },
  );
  state.record ??= record;
  addPage(known, await prometheusPage(runFamilies(state)));
  addPage(known, await (await fetch(`${server.adminUrl}/metrics`)).text());
  // What only a node of a cluster says, by the code that says it.
  const stats: ServerStats = { ...(await statsOf(server)), cluster: CLUSTER };
  addPage(known, await new Metrics().render(stats));
});

/** As Grafana fills it in before Prometheus sees it. */
function filledIn(expression: string): string {
  return expression.replaceAll('$__rate_interval', '1m').replaceAll(/\$\w+/g, '.*');
}

interface Selector {
  name: string;
  labels: string[];
}

/** Every series that an expression selects, by the grammar of Prometheus' own editor. */
function selectorsOf(expression: string): { selectors: Selector[]; groupings: string[] } {
  const text = filledIn(expression);
  const selectors: Selector[] = [];
  const groupings: string[] = [];
  parser.parse(text).iterate({
    enter: (node) => {
      if (node.type.isError) throw new Error(`is no PromQL at ${text.slice(node.from)}: ${text}`);
      const said = text.slice(node.from, node.to);
      if (node.name === 'VectorSelector')
        selectors.push({ name: /^[\w:]+/.exec(said)?.[0] ?? '', labels: [] });
      if (node.name === 'LabelName' && node.node.parent?.name.startsWith('Grouping')) groupings.push(said);
      else if (node.name === 'LabelName') selectors.at(-1)?.labels.push(said);
    },
  });
  return { selectors, groupings };
}

const expressions = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
  ...dashboard.annotations.list.map(({ name, expr }) => [`annotation ${name}`, expr] as const),
];

/** Prometheus adds these itself. */
const OF_PROMETHEUS = new Set(['instance', 'job']);

describe('the dashboard', () => {
  test('selects nothing but series that the pages of the lab and of the server have', () => {
    const missing = expressions.flatMap(([title, expression]) => {
      const { selectors, groupings } = selectorsOf(expression);
      expect(selectors.length, expression).toBeGreaterThan(0);
      return selectors.flatMap(({ name, labels }) => {
        const has = known.get(name);
        if (!has) return [`${title}: ${name}`];
        // One with nothing to count yet shows no labels.
        const lacks = [...labels, ...groupings].filter(
          (label) => has.size > 0 && !has.has(label) && !OF_PROMETHEUS.has(label),
        );
        return lacks.map((label) => `${title}: ${name}{${label}}`);
      });
    });
    expect(missing).toEqual([]);
  });

  test('is checked by a grammar that sees what is wrong', () => {
    expect(() => selectorsOf('sum(rate(c2m_sends_total[1m])')).toThrow('is no PromQL');
    expect(selectorsOf('sum by (le) (rate(a_bucket{kind="x"}[$__rate_interval])) / b')).toEqual({
      selectors: [
        { name: 'a_bucket', labels: ['kind'] },
        { name: 'b', labels: [] },
      ],
      groupings: ['le'],
    });
  });

  test('finds labs and servers by series that are there', () => {
    const queries = dashboard.templating.list.flatMap(({ query }) =>
      typeof query === 'string' ? [] : [query.query],
    );
    const names = queries.map((query) => /^label_values\((\w+), instance\)$/.exec(query)?.[1] ?? query);
    expect(names).toHaveLength(2);
    for (const name of names) expect([...known.keys()]).toContain(name);
  });

  test('takes a rate of counters alone, and shows them no other way', async () => {
    for (const [title, expression] of expressions) {
      for (const [, fun, name = ''] of expression.matchAll(/(\w+)?\(?(c2m_\w+)/g)) {
        const isCounter = /_(total|bucket)$/.test(name);
        const isRate = fun === 'rate' || fun === 'increase';
        // The CPU of a worker is a gauge that only grows.
        if (name === 'c2m_worker_cpu_seconds') continue;
        if (isRate) expect(isCounter, `${title}: ${expression}`).toBe(true);
      }
    }
  });

  test('lies on its grid without overlaps, each panel with an id of its own and words that explain it', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = new Set<string>();
    for (const { gridPos, title, type, description } of panels) {
      if (type !== 'row') expect(description, title).toBeTruthy();
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(cells.has(`${x},${y}`), title).toBe(false);
          cells.add(`${x},${y}`);
        }
    }
  });
});
