import { describe, expect, it } from 'vitest';
import { markdownSummary } from '../../reports/markdown.js';
import { terminalSummary } from '../../reports/terminal.js';
import { recordFixture, silentFixture } from '../fixtures/record.js';

const failed = recordFixture((record) => {
  record.verdict = 'failed';
  record.messages.lost = 12;
  record.gates[1] = { expression: 'messages.lost == 0', value: 12, passed: false };
}).record;

describe('summary.md', () => {
  it('begins with the verdict', () => {
    const summary = markdownSummary(failed);
    expect(summary.split('\n')[0]).toBe('## ❌ Failed: offline-backlog');
    expect(summary).toContain('1 of 4 gates did not hold.');
  });

  it('shows every gate with its value and unit', () => {
    const summary = markdownSummary(failed);
    expect(summary).toContain('| `messages.lost == 0` | 12 | ❌ failed |');
    expect(summary).toContain('| `memory.bytesPerConnection.total < 16KiB` | 14.2 KiB | ✅ passed |');
  });

  it('has rows with as many cells as their head', () => {
    const tables = markdownSummary(failed)
      .split('\n')
      .filter((line) => line.startsWith('|'));
    const widths = tables.map((line) => line.split(/(?<!\\)\|/).length);
    expect(new Set(widths)).toEqual(new Set([5, 10]));
  });

  it('names what was lost, the longest queue and the memory', () => {
    const summary = markdownSummary(failed);
    expect(summary).toContain('**lost 12**');
    expect(summary).toContain('The longest queue was mailboxes, 2,640 at its peak');
    expect(summary).toContain('14.2 KiB a connection: kernel 9.88 KiB, server 2.4 KiB, client 1.88 KiB');
  });

  it('says how messages to groups were counted, as the terminal does', () => {
    const { record } = recordFixture((each) => {
      each.groups = { members: 50, messages: 1234 };
    });
    const sentence = '1,234 messages to groups of 50: each counts once for every member that it was for.';
    expect(markdownSummary(record)).toContain(sentence);
    expect(terminalSummary(record, 'runs/x')).toContain(sentence);
    expect(markdownSummary(recordFixture().record)).not.toContain('groups');
  });

  it('says why messages were refused, the commonest reason first', () => {
    const { record } = recordFixture((each) => {
      each.refusals = { RateLimited: 12, StoreFailed: 4562 };
    });
    const words = 'refused by reason: StoreFailed 4,562, RateLimited 12';
    expect(markdownSummary(record)).toContain(words);
    expect(terminalSummary(record, 'runs/x')).toContain(words);
  });

  it('tells media that were due and never asked, as the terminal does', () => {
    const { record } = recordFixture((each) => {
      const latency = { ...each.latency.accepted, p50: 12, p99: 340 };
      const lagMs = { p50: 0.4, p99: 1.2, p999: 2, max: 3 };
      const done = { due: 66, count: 66, bytes: 3 * 2 ** 20, failed: 0, unsent: 0, latency, lagMs };
      each.media = { uploads: done, downloads: { ...done, due: 100, unsent: 34 } };
    });
    for (const summary of [markdownSummary(record), terminalSummary(record, 'runs/x')]) {
      expect(summary).toMatch(/66 uploads, 3 MiB, p50 12.* ms, p99 340.* ms, 0 failed$/m);
      expect(summary).toMatch(/66 downloads, 3 MiB, p50 12.* ms, p99 340.* ms, 0 failed, 34 unsent$/m);
    }
  });

  it('takes no text of the scenario for Markdown or HTML', () => {
    const summary = markdownSummary(
      recordFixture((record) => {
        record.name = '<img src=x> | *bold*';
        record.notes = ['a | b\n<script>'];
      }).record,
    );
    expect(summary).toContain('&lt;img src=x> \\| \\*bold\\*');
    expect(summary).toContain('> a \\| b &lt;script>');
  });

  it('says in words what was not recorded', () => {
    const summary = markdownSummary(silentFixture().record);
    expect(summary).toContain('**Latency** None was recorded.');
    expect(summary).toContain('No queue was measured: the scenario names no admin port (target.admin).');
    expect(summary).toContain('Memory was not measured.');
  });
});

describe('the summary in the terminal', () => {
  it('begins with the verdict and ends with where the report lies', () => {
    const lines = terminalSummary(failed, 'runs/1', false).trim().split('\n');
    expect(lines[0]).toContain('FAILED   offline-backlog');
    expect(lines.at(-1)?.trim()).toBe('Report  runs/1/report.html');
  });

  it('marks each gate with a sign and a failed one with the word', () => {
    const summary = terminalSummary(failed, 'runs/1', false);
    expect(summary).toMatch(/✔ connections\.peak >= 4990 +4,997\n/);
    expect(summary).toMatch(/✘ messages\.lost == 0 +12 {2}failed\n/);
  });

  it('sets the latencies in columns', () => {
    const lines = terminalSummary(failed, 'runs/1', false).split('\n');
    const start = lines.findIndex((line) => line.includes('p99.9'));
    const table = lines.slice(start, start + 5);
    expect(table.map((line) => line.length)).toEqual(Array(5).fill(table[0]?.length));
  });

  it('is plain where colour is off and the same words where it is on', () => {
    const plain = terminalSummary(failed, 'runs/1', false);
    const coloured = terminalSummary(failed, 'runs/1', true);
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
    expect(terminalSummary(invalid, 'runs/1', false)).toContain(
      'messages left 412 ms late (p99), past its limit of 50 ms',
    );
    const partial = recordFixture((record) => {
      record.verdict = 'partial';
    }).record;
    expect(terminalSummary(partial, 'runs/1', false)).toContain('stopped after 31.1 s');
  });
});
