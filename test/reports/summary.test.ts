import { describe, expect, it } from 'vitest';
import { githubAnnotations } from '../../reports/github-annotations.js';
import { reportData } from '../../reports/html/charts.js';
import { ledgerSection } from '../../reports/html/table-sections.js';
import { tileSection } from '../../reports/html/verdict-section.js';
import { junitXml } from '../../reports/junit.js';
import { markdownSummary } from '../../reports/markdown.js';
import { terminalSummary } from '../../reports/terminal.js';
import { recordFixture, silentFixture } from '../fixtures/record.js';
import { reportedRun } from '../fixtures/reported-run.js';
import { TELLS_LITTLE } from '../fixtures/told.js';

const failed = recordFixture((record) => {
  record.verdict = 'failed';
  record.messages.lost = 12;
  record.gates[1] = { expression: 'messages.lost == 0', value: 12, passed: false };
}).record;

describe('summary.md', () => {
  it('begins with the verdict', () => {
    const summary = markdownSummary(reportedRun(failed));
    expect(summary.split('\n')[0]).toBe('## ❌ Failed: offline-backlog');
    expect(summary).toContain('1 of 4 gates did not hold.');
  });

  it('shows every gate with its value and unit', () => {
    const summary = markdownSummary(reportedRun(failed));
    expect(summary).toContain('| `messages.lost == 0` | 12 | ❌ failed |');
    expect(summary).toContain('| `memory.bytesPerConnection.total < 16KiB` | 14.2 KiB | ✅ passed |');
  });

  it('has rows with as many cells as their head', () => {
    const tables = markdownSummary(reportedRun(failed))
      .split('\n')
      .filter((line) => line.startsWith('|'));
    const widths = tables.map((line) => line.split(/(?<!\\)\|/).length);
    expect(new Set(widths)).toEqual(new Set([5, 10]));
  });

  it('names what was lost, the longest queue and the memory', () => {
    const summary = markdownSummary(reportedRun(failed));
    expect(summary).toContain('**lost 12**');
    expect(summary).toContain('The longest queue was mailboxes, 2,640 at its peak');
    expect(summary).toContain('14.2 KiB a connection: kernel 9.88 KiB, server 2.4 KiB, client 1.88 KiB');
  });

  it('says how messages to groups were counted, as the terminal does', () => {
    const { record } = recordFixture((each) => {
      each.groups = { members: 50, messages: 1234 };
    });
    const sentence = '1,234 messages to groups of 50: each counts once for every member that it was for.';
    expect(markdownSummary(reportedRun(record))).toContain(sentence);
    expect(terminalSummary(reportedRun(record), 'runs/x')).toContain(sentence);
    expect(markdownSummary(reportedRun(recordFixture().record))).not.toContain('groups');
  });

  it('says why messages were refused, the commonest reason first', () => {
    const { record } = recordFixture((each) => {
      each.refusals = { RateLimited: 12, StoreFailed: 4562 };
    });
    const words = 'refused by reason: StoreFailed 4,562, RateLimited 12';
    expect(markdownSummary(reportedRun(record))).toContain(words);
    expect(terminalSummary(reportedRun(record), 'runs/x')).toContain(words);
  });

  it('tells media that were due and never asked, as the terminal does', () => {
    const { record } = recordFixture((each) => {
      const latency = { ...each.latency.accepted, p50: 12, p99: 340 };
      const lagMs = { p50: 0.4, p99: 1.2, p999: 2, max: 3 };
      const done = { due: 66, count: 66, bytes: 3 * 2 ** 20, failed: 0, unsent: 0, latency, lagMs };
      each.media = { uploads: done, downloads: { ...done, due: 100, unsent: 34 } };
    });
    for (const summary of [
      markdownSummary(reportedRun(record)),
      terminalSummary(reportedRun(record), 'runs/x'),
    ]) {
      expect(summary).toMatch(/66 uploads, 3 MiB, p50 12.* ms, p99 340.* ms, 0 failed$/m);
      expect(summary).toMatch(/66 downloads, 3 MiB, p50 12.* ms, p99 340.* ms, 0 failed, 34 unsent$/m);
    }
  });

  it('takes no text of the scenario for Markdown or HTML', () => {
    const summary = markdownSummary(
      reportedRun(
        recordFixture((record) => {
          record.name = '<img src=x> | *bold*';
          record.notes = ['a | b\n<script>'];
        }).record,
      ),
    );
    expect(summary).toContain('&lt;img src=x> \\| \\*bold\\*');
    expect(summary).toContain('> a \\| b &lt;script>');
  });

  it('has no rows, columns nor counts for what the protocol cannot tell, and says so', () => {
    const { record } = recordFixture((each) => {
      each.target.driver = { name: 'nats', promises: TELLS_LITTLE };
      Object.assign(each.messages, { accepted: null, receipted: null });
      const none = { count: 0, min: null, p50: null, p90: null, p99: null, p999: null, max: null };
      Object.assign(each.latency, { accepted: none, receipt: none });
      for (const phase of each.phases) phase.latency = each.latency;
    });
    const summary = markdownSummary(reportedRun(record));
    expect(summary).not.toMatch(/^\| (accepted|receipt) \|/m);
    expect(summary).toContain('| Phase | delivered p50 | delivered p99 | delivered max |');
    expect(summary).toContain(
      'nats does not tell when a message is accepted, nor the sender that its message has arrived',
    );
    expect(ledgerSection(record)).toContain('nats does not tell when a message is accepted');
  });

  it('says beside the memory of a connection where too few clients were measured to tell', () => {
    const { record } = recordFixture((each) => {
      each.connections.peak = 10;
    });
    const words = 'client 1.88 KiB; too few clients to tell: 10';
    expect(markdownSummary(reportedRun(record))).toContain(words);
    expect(terminalSummary(reportedRun(record), 'runs/x', false)).toContain(words);
    expect(tileSection(record)).toContain(words);
    const many = reportedRun(recordFixture().record);
    expect(markdownSummary(many) + tileSection(many.record)).not.toContain('too few');
  });

  it('asks for no admin port of a server that cannot have one', () => {
    const { record, samples } = silentFixture();
    record.target.driver = { name: 'mqtt', promises: TELLS_LITTLE };
    const all = () =>
      [
        markdownSummary(reportedRun(record)),
        terminalSummary(reportedRun(record), 'runs/x', false),
        tileSection(record),
        JSON.stringify(reportData(reportedRun(record, samples))),
      ].join('\n');
    expect(all()).toContain('This server tells no queue lengths; target.metrics can read them');
    expect(all()).toContain('The server’s own part was not measured: target.command, target.pid');
    expect(all()).not.toContain('admin port');
    // Where its processes are measured nothing is missing.
    record.serverProcesses = { processes: 1, threads: 1, openFiles: 9 };
    for (const sample of samples)
      sample.server = { connections: null, cpu: 0.1, privateBytes: 1, eventLoopLagMs: null, queues: {} };
    expect(all()).not.toMatch(/queue|admin port|own part was not measured/i);
  });

  it('shows no gate as failed that a run was stopped too early for', () => {
    const { record } = recordFixture((each) => {
      each.verdict = 'partial';
      const note = 'not judged: no message was sent until the run was stopped';
      each.gates = [{ expression: 'messages.lost == 0', value: null, passed: false, note }];
    });
    const words = 'no message was sent until the run was stopped';
    expect(terminalSummary(reportedRun(record), 'runs/x', false)).toContain(
      `– messages.lost == 0  ${words}  not judged`,
    );
    expect(markdownSummary(reportedRun(record))).toContain(
      `| \`messages.lost == 0\` | ${words} | – not judged |`,
    );
    expect(junitXml(reportedRun(record))).toContain(`messages.lost == 0 was not judged: ${words}`);
    expect(githubAnnotations(reportedRun(record))).not.toContain('messages.lost');
  });

  it('says in words what was not recorded', () => {
    const summary = markdownSummary(reportedRun(silentFixture().record));
    expect(summary).toContain('**Latency** None was recorded.');
    expect(summary).toContain('No queue was measured: the scenario names no admin port (target.admin).');
    expect(summary).toContain('Memory was not measured.');
  });
});

describe('the summary in the terminal', () => {
  it('begins with the verdict and ends with where the report lies', () => {
    const lines = terminalSummary(reportedRun(failed), 'runs/1', false).trim().split('\n');
    expect(lines[0]).toContain('FAILED   offline-backlog');
    expect(lines.at(-1)?.trim()).toBe('Report  runs/1/report.html');
  });

  it('marks each gate with a sign and a failed one with the word', () => {
    const summary = terminalSummary(reportedRun(failed), 'runs/1', false);
    expect(summary).toMatch(/✔ connections\.peak >= 4990 +4,997\n/);
    expect(summary).toMatch(/✘ messages\.lost == 0 +12 {2}failed\n/);
  });

  it('tells the gates that failed first', () => {
    const summary = terminalSummary(reportedRun(failed), 'runs/1', false);
    expect(summary.indexOf('✘ messages.lost')).toBeLessThan(summary.indexOf('✔ connections.peak'));
    const table = markdownSummary(reportedRun(failed));
    expect(table.indexOf('`messages.lost == 0`')).toBeLessThan(table.indexOf('`connections.peak >= 4990`'));
  });

  it('answers what broke first before it tells the gates', () => {
    const { record, samples } = recordFixture();
    const summary = terminalSummary(reportedRun(record, samples), 'runs/1', false);
    const answer =
      'First to leave its normal range: connects at 2 s, in the phase connect: 3 of 2,093 attempts failed';
    expect(summary.indexOf(answer)).toBeGreaterThan(0);
    expect(summary.indexOf(answer)).toBeLessThan(summary.indexOf('✔ connections.peak'));
    expect(markdownSummary(reportedRun(record, samples))).toContain(answer);
  });

  it('ticks no gate that holds because nobody logged in', () => {
    const { record } = recordFixture((each) => {
      each.verdict = 'partial';
      each.connections.peak = 0;
      each.gates = [{ expression: 'messages.lost == 0', value: 0, passed: true }];
    });
    const summary = terminalSummary(reportedRun(record), 'runs/1', false);
    expect(summary).toContain('– messages.lost == 0  0  says nothing: nobody logged in');
    expect(summary).toContain('Nobody logged in, so no figure says anything about the server.');
    expect(summary).not.toContain('✔');
  });

  it('folds notes that differ in their figures alone', () => {
    const { record } = recordFixture((each) => {
      each.notes = [
        'worker 1 died at 3.2 s',
        'a clock was off',
        'worker 2 died at 4.5 s',
        'worker 1 died at 9 s',
      ];
    });
    const notes = terminalSummary(reportedRun(record), 'runs/1', false)
      .split('\n')
      .filter((line) => line.startsWith('  ! '));
    expect(notes).toEqual([
      '  ! worker 1 died at 3.2 s (3 times, with other figures)',
      '  ! a clock was off',
    ]);
  });

  it('tells delivery phase by phase', () => {
    const { record } = recordFixture((each) => {
      for (const [index, phase] of each.phases.entries()) {
        const delivered = { ...each.latency.delivered, p99: 10 * (index + 1) };
        phase.latency = { ...each.latency, delivered };
      }
    });
    expect(terminalSummary(reportedRun(record), 'runs/1', false)).toContain(
      'Delivered p99 by phase  connect 10 ms, talk 20 ms, third-away 30 ms, return 40 ms, drain 50 ms',
    );
    expect(markdownSummary(reportedRun(record))).toContain('| Phase | accepted p50 | accepted p99 |');
  });

  it('says what would break next only where load came near a limit', () => {
    const { record, samples } = recordFixture((each) => {
      for (const queue of each.backlog.queues)
        Object.assign(queue, { behindMs: queue.max, arrivedPerSecond: 900, servedPerSecond: 900, waitMs: 1 });
    });
    const near = terminalSummary(reportedRun(record, samples), 'runs/1', false);
    expect(near).toContain('Next to break is outbound: at its worst it was 730 ms behind');
    for (const { connections } of samples)
      Object.assign(connections, { failed: 0, dropped: 0, failures: {} });
    for (const { latency } of samples) latency.delivered = null;
    record.memory.bytesPerConnection.total = 12_000;
    record.gates = [];
    const calm = terminalSummary(reportedRun(record, samples), 'runs/1', false);
    expect(calm).toContain('Nothing came near a limit, so this run cannot tell what breaks next.');
    expect(calm).not.toContain('Next to break');
  });

  it('sets the latencies in columns', () => {
    const lines = terminalSummary(reportedRun(failed), 'runs/1', false).split('\n');
    const start = lines.findIndex((line) => line.includes('p99.9'));
    const table = lines.slice(start, start + 5);
    expect(table.map((line) => line.length)).toEqual(Array(5).fill(table[0]?.length));
  });

  it('is plain where colour is off and the same words where it is on', () => {
    const plain = terminalSummary(reportedRun(failed), 'runs/1', false);
    const coloured = terminalSummary(reportedRun(failed), 'runs/1', true);
    const colourCode = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
    expect(plain).not.toMatch(colourCode);
    expect(coloured).toMatch(colourCode);
    expect(coloured.replace(colourCode, '')).toBe(plain);
  });

  it('explains an invalid run and a partial one', () => {
    const invalid = recordFixture((record) => {
      record.verdict = 'invalid';
      record.generator.lagMs.p99 = 412;
    }).record;
    expect(terminalSummary(reportedRun(invalid), 'runs/1', false)).toContain(
      'messages left 412 ms late (p99) (its limit is 50 ms)',
    );
    const partial = recordFixture((record) => {
      record.verdict = 'partial';
    }).record;
    expect(terminalSummary(reportedRun(partial), 'runs/1', false)).toContain('stopped after 31.1 s');
  });

  it('says which gate ended a run', () => {
    const { record } = recordFixture((each) => {
      each.verdict = 'failed';
      each.aborted = { gate: 'messages.duplicated == 0', value: 3, atSeconds: 9, brokenSinceSeconds: 9 };
      each.gates = [{ expression: 'messages.duplicated == 0', value: 3, passed: false }];
    });
    const words = terminalSummary(reportedRun(record), 'runs/1', false);
    expect(words).toContain(
      'The run was ended after 9 s, as its gate messages.duplicated == 0 was broken (3).',
    );
    expect(words).toContain('✘ messages.duplicated == 0  3  ended the run');
    expect(markdownSummary(reportedRun(record))).toContain(
      '| `messages.duplicated == 0` | 3 | ❌ ended the run |',
    );
  });
});
