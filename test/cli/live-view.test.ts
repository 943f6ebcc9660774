import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { liveView } from '../../cli/live-view.js';
import type { TimelineSample } from '../../record/timeline.js';
import type { Scenario } from '../../scenarios/scenario.js';
import { recordFixture } from '../fixtures/record.js';
import { testScenario } from '../support/run.js';
import { earlierRows, testTerminal } from '../support/terminal.js';

/** Ten million of everything: as long as figures get. */
const MANY = 10_000_000;

// The emulator needs its own timers; those of the view and the clock stand still until a test moves them.
beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => vi.useRealTimers());

function quickScenario(change: (scenario: Scenario) => void = () => undefined): Scenario {
  return testScenario((scenario) => {
    scenario.name = 'quick';
    scenario.clients = { ...scenario.clients, count: 5000, connectRate: 2500 };
    change(scenario);
  });
}

/** A second in which 5,000 clients talked and nothing went wrong. */
function quietSample(change: (sample: TimelineSample) => void = () => undefined): TimelineSample {
  const sample = structuredClone(recordFixture().samples[9] as TimelineSample);
  sample.seconds = 1;
  sample.connections = { ...sample.connections, open: 4997, opening: 0, away: 3, failed: 0, dropped: 0 };
  sample.messages = { ...sample.messages, sent: 1000, delivered: 998, inFlight: 12 };
  sample.messages = { ...sample.messages, duplicated: 0, outOfOrder: 0, refused: 0 };
  sample.latency.delivered = { count: 998, p50: 1.62, p90: 2, p99: 12.34, max: 20 };
  sample.latency.accepted = { count: 1000, p50: 0.85, p90: 1, p99: 8.2, max: 9 };
  sample.generator = { ...sample.generator, cpu: 0.4, lagP99Ms: 1.23 };
  sample.server = {
    connections: 5000,
    cpu: 0.61,
    privateBytes: 1,
    eventLoopLagMs: 1,
    queues: { outbound: 7 },
  };
  change(sample);
  return sample;
}

/** The same with every figure as long as it may get, and everything that may go wrong. */
function troubledSample(): TimelineSample {
  return quietSample(({ connections, messages, latency, generator, server }) => {
    for (const name of ['open', 'opening', 'away', 'failed', 'dropped'] as const) connections[name] = MANY;
    for (const name of Object.keys(messages) as (keyof typeof messages)[]) messages[name] = MANY;
    latency.delivered = { count: 1, p50: 200_000, p90: 200_000, p99: 3_599_000, max: 1 };
    latency.accepted = latency.delivered;
    Object.assign(generator, { cpu: 128.25, lagP99Ms: 3_599_000 });
    if (server) Object.assign(server, { cpu: 128.25, queues: { 'mailbox-writes': MANY } });
  });
}

const TALK_ROWS = [
  '',
  '  quick  ━━━━━━━━━━━━━━━━━━━━  0 s of about 4 s',
  '',
  '  phase       talk, 6 s left',
  '  connections 4,997 of 5,000 open, 0 opening, 3 away',
  '  messages    1,000/s sent, 998/s delivered, 12 in flight',
  '  latency     delivered  p50 1.62 ms, p99 12.3 ms',
  '              accepted   p50 850 µs, p99 8.2 ms',
  '  backlog     7 in outbound',
  '  load        0.40 cores generator, 0.61 server, lag p99 1.23 ms',
  '  trouble     none',
  '',
  '  Ctrl-C ends the run and keeps what was measured.',
];

describe('the view of a run, at the bottom of a terminal of 80x24', () => {
  test('shows each row once while it grows from its beginning to its end', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal, '$ c2m run quick');
    const hint = TALK_ROWS.slice(-2);
    const view = liveView(quickScenario(), terminal.stream);
    const shown = async (): Promise<string[]> => (await terminal.rows()).slice(earlier.length);

    expect(await shown()).toEqual([...TALK_ROWS.slice(0, 3), '  phase       starting', ...hint]);
    view.phase({ name: 'talk', durationMs: 6000 });
    expect(await shown()).toEqual([...TALK_ROWS.slice(0, 4), ...hint]);
    view.sample(quietSample());
    expect(await shown()).toEqual(TALK_ROWS);
    view.sample(quietSample());
    expect(await shown()).toEqual(TALK_ROWS);
    view.phase({ name: 'drain', durationMs: null });
    expect(await shown()).toEqual(TALK_ROWS.with(3, '  phase       drain'));
    view.interrupted();
    expect(await shown()).toEqual(
      TALK_ROWS.with(3, '  phase       ending; Ctrl-C again does not wait for it'),
    );

    view.end();
    view.end();
    terminal.print('\nPASSED   quick\n');
    expect(await terminal.rows()).toEqual([...earlier, '', 'PASSED   quick']);
    expect(await terminal.isCursorVisible()).toBe(true);
  });

  test('goes on by itself between two samples', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const view = liveView(quickScenario(), terminal.stream);
    view.phase({ name: 'talk', durationMs: 6000 });
    view.sample(quietSample());
    vi.advanceTimersByTime(2500);

    const moved = TALK_ROWS.with(1, '  quick  ━━━━━━━━━━━━━━━━━━━━  2 s of about 4 s').with(
      3,
      '  phase       talk, 4 s left',
    );
    expect(await terminal.rows()).toEqual([...earlier, ...moved]);
    view.end();
    vi.advanceTimersByTime(2500);
    expect(await terminal.rows()).toEqual(earlier);
  });

  test('cuts nothing off where every figure is long, and says all that went wrong', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const view = liveView(quickScenario(), terminal.stream);
    view.sample(troubledSample());

    expect(await terminal.rows()).toEqual([
      ...earlier,
      ...TALK_ROWS.slice(0, 3),
      '  phase       starting',
      '  connections 10,000,000 of 5,000 open, 10,000,000 opening, 10,000,000 away',
      '  messages    10,000,000/s sent, 10,000,000/s delivered, 10,000,000 in flight',
      '  latency     delivered  p50 3 min 20 s, p99 59 min 59 s',
      '              accepted   p50 3 min 20 s, p99 59 min 59 s',
      '  backlog     10,000,000 in mailbox-writes',
      '  load        128.25 cores generator, 128.25 server, lag p99 59 min 59 s',
      '  trouble     10,000,000 connects failed, 10,000,000 dropped',
      '              10,000,000 duplicated, 10,000,000 out of order, 10,000,000 refused',
      ...TALK_ROWS.slice(-2),
    ]);
    view.end();
  });

  test('says what is not known where nobody has logged in and the server shows nothing of itself', async () => {
    const terminal = testTerminal();
    const view = liveView(quickScenario(), terminal.stream);
    view.sample(
      quietSample((sample) => {
        sample.connections = { ...sample.connections, open: 0, away: 0, failed: 2500 };
        sample.messages = { ...sample.messages, sent: 0, delivered: 0, inFlight: 0 };
        sample.latency = {
          connect: null,
          accepted: null,
          delivered: null,
          deliveredSinceSent: null,
          waiting: null,
          receipt: null,
        };
        sample.generator.lagP99Ms = null;
        sample.server = null;
      }),
    );

    expect((await terminal.rows()).slice(4, 11)).toEqual([
      '  connections 0 of 5,000 open, 0 opening, 0 away',
      '  messages    0/s sent, 0/s delivered, 0 in flight',
      '  latency     delivered  –',
      '              accepted   –',
      '  backlog     not known',
      '  load        0.40 cores generator, lag p99 –',
      '  trouble     2,500 connects failed',
    ]);
    view.end();
  });

  test('cuts names that are too long, of wide characters too, and not what stands beside them', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const scenario = quickScenario((quick) => {
      quick.name = 'n'.repeat(64);
    });
    const view = liveView(scenario, terminal.stream);
    view.phase({ name: '会話'.repeat(30), durationMs: 6000 });
    view.sample(
      quietSample(({ server }) => {
        if (server) server.queues = { ['q'.repeat(200)]: 7 };
      }),
    );

    const changed = TALK_ROWS.toSpliced(
      1,
      3,
      `  ${'n'.repeat(37)}…  ━━━━━━━━━━━━━━━━━━━━  0 s of about 4 s`,
      '',
      `  phase       ${'会話'.repeat(16)}…`,
      '              6 s left',
    );
    const backlog = changed.findIndex((row) => row.includes('outbound'));
    const rows = await terminal.rows();
    expect(rows).toEqual([...earlier, ...changed.with(backlog, `  backlog     7 in ${'q'.repeat(60)}…`)]);
    view.end();
  });
});

describe('the view of a run of several agents', () => {
  const working = { agents: 6, hosts: 2, lost: [] };
  const lost = { agent: 4, host: 'b', why: 'ended (SIGKILL)' };

  test('says how many there are and where, and who was lost', async () => {
    const terminal = testTerminal();
    const view = liveView(quickScenario(), terminal.stream);
    view.phase({ name: 'talk', durationMs: 6000 });
    view.agents(working);
    view.sample(quietSample());
    expect(await terminal.rows()).toEqual(TALK_ROWS.toSpliced(4, 0, '  agents      6 on 2 hosts'));

    view.agents({ ...working, lost: [lost] });
    const shown = await terminal.rows();
    expect(shown[4]).toBe('  agents      5 of 6 on 2 hosts, agent 4 on b is lost');
    expect(shown).toContain('  trouble     1 agent lost');
    view.agents({ ...working, lost: [lost, { ...lost, agent: 3, host: 'h'.repeat(200) }] });
    expect((await terminal.rows())[5]?.length).toBeLessThanOrEqual(80);
    view.end();
  });

  test('is that of one process where there is but one', async () => {
    const terminal = testTerminal();
    const view = liveView(quickScenario(), terminal.stream);
    view.phase({ name: 'talk', durationMs: 6000 });
    view.agents({ agents: 1, hosts: 1, lost: [] });
    view.sample(quietSample());
    expect(await terminal.rows()).toEqual(TALK_ROWS);
    view.end();
  });

  test('without a terminal is a line at the beginning, and one for each that is lost', () => {
    const lines: string[] = [];
    const pipe = { isTTY: false, write: (text: string) => lines.push(text) };
    const view = liveView(quickScenario(), pipe as unknown as NodeJS.WriteStream);
    view.agents(working);
    view.agents({ ...working, lost: [lost] });
    view.agents({ ...working, lost: [lost, { ...lost, agent: 3 }] });
    view.end();
    expect(lines).toEqual([
      'agents 6 on 2 hosts\n',
      'lost agent 4 on b: ended (SIGKILL)\n',
      'lost agent 3 on b: ended (SIGKILL)\n',
    ]);
  });
});

describe('the view of a run on a terminal of another size', () => {
  test('that is ten rows high goes without what matters least, and trouble is seen', async () => {
    const terminal = testTerminal({ rows: 10 });
    const earlier = earlierRows(terminal);
    const view = liveView(quickScenario(), terminal.stream);
    view.phase({ name: 'talk', durationMs: 6000 });
    view.sample(quietSample());
    view.sample(quietSample());

    const left = TALK_ROWS.filter((row, index) => (index === 0 || row !== '') && !/load|Ctrl-C/.test(row));
    expect(left).toHaveLength(9);
    expect(await terminal.rows()).toEqual([...earlier, ...left]);
    view.end();
    expect(await terminal.rows()).toEqual(earlier);
  });

  test('of forty columns breaks its rows between two figures', async () => {
    const terminal = testTerminal({ columns: 40 });
    const view = liveView(quickScenario(), terminal.stream);
    view.phase({ name: 'talk', durationMs: 6000 });
    view.sample(quietSample());

    expect(await terminal.rows()).toEqual([
      '',
      '  quick  ━━━━━━━━━━  0 s of about 4 s',
      '',
      '  phase       talk, 6 s left',
      '  connections 4,997 of 5,000 open',
      '              0 opening, 3 away',
      '  messages    1,000/s sent',
      '              998/s delivered',
      '              12 in flight',
      '  latency     delivered  p50 1.62 ms',
      '              p99 12.3 ms',
      '              accepted   p50 850 µs',
      '              p99 8.2 ms',
      '  backlog     7 in outbound',
      '  load        0.40 cores generator',
      '              0.61 server',
      '              lag p99 1.23 ms',
      '  trouble     none',
      '',
      '  Ctrl-C ends the run and keeps what wa…',
    ]);
    view.end();
  });

  test('that changes in the middle of a run shows each row once', async () => {
    const terminal = testTerminal({ columns: 132, rows: 50 });
    const earlier = earlierRows(terminal);
    const view = liveView(quickScenario(), terminal.stream);
    view.phase({ name: 'talk', durationMs: 6000 });
    view.sample(quietSample());
    for (const [columns, rows] of [
      [80, 24],
      [70, 24],
      [132, 16],
    ] as const) {
      await terminal.resize(columns, rows);
      view.sample(quietSample());

      const shown = (await terminal.rows()).slice(earlier.length).map((row) => row.replace(/━+/, '━'));
      expect(shown).toEqual(TALK_ROWS.map((row) => row.replace(/━+/, '━')));
    }
    view.end();
    expect(await terminal.rows()).toEqual(earlier);
  });
});

test('what is no terminal gets a line for each second, and nothing that only a terminal understands', async () => {
  const lines: string[] = [];
  const pipe = { isTTY: false, write: (text: string) => lines.push(text) };
  const view = liveView(quickScenario(), pipe as unknown as NodeJS.WriteStream);
  view.phase({ name: 'talk', durationMs: 6000 });
  view.sample(quietSample());
  view.end();

  expect(lines).toEqual(['phase talk for 6 s\n', expect.stringMatching(/^ .*open +4,997 .*outbound\)\n$/)]);
});
