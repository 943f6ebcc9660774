import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareSets } from '../../record/comparison/compare-sets.js';
import { printable, printableJson, printableLines } from '../../record/printable.js';
import type { RunRecord } from '../../record/run.js';
import { comparisonJunit } from '../../reports/comparison-junit.js';
import { comparisonAsMarkdown, comparisonForTerminal } from '../../reports/comparison-text.js';
import { comparisonPage } from '../../reports/html/comparison-page.js';
import { escapeHtml } from '../../reports/html/markup.js';
import { junitXml } from '../../reports/junit.js';
import { code, inline, markdownSummary } from '../../reports/markdown.js';
import { terminalSummary } from '../../reports/terminal.js';
import { recordFixture } from '../fixtures/record.js';
import { reportedRun } from '../fixtures/reported-run.js';

/** What a terminal would obey, or a reader be deceived by. */
const OBEYED = /(?!\n|\t)[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

const EVIL = [
  '\u001b]0;title\u0007',
  '\u001b[2J\u001b[H',
  '\u009b31m',
  '\r passed',
  '\u202egnp.exe',
  '\u2066x\u2069',
  '\u0000',
  '\b\b\b',
  'a\n::error file=x::forged',
  '::stop-commands::x',
  '##[error]x',
];

/** The fixture with `evil` in every text that others decide. */
function recordOf(evil: string): RunRecord {
  return recordFixture((record) => {
    record.id += evil;
    record.name += evil;
    record.description += evil;
    record.notes = [evil];
    record.target.addresses = [evil];
    record.target.store = evil;
    record.environment.cpuModel = evil;
    record.environment.kernel = evil;
    record.scenario.source += evil;
    record.marks = [{ atSeconds: 1, label: evil }];
    record.connections.failures = { [evil]: 3 };
    record.refusals = { [evil]: 2 };
    record.phases.push({ name: evil, startSeconds: 1, endSeconds: 2 });
    record.backlog.worst = evil;
    record.backlog.queues.push({ name: evil, max: 1e6, p99: 1, threshold: 1, alerts: 1, behindMs: 1e6 });
    record.backlog.alerts.push({ queue: evil, startSeconds: 1, endSeconds: null, threshold: 1, peak: 2 });
    record.gates = [{ expression: evil, value: null, passed: false, note: evil }];
  }).record;
}

describe('what others wrote is shown and not obeyed', () => {
  const evil = EVIL.join(' ');
  const record = recordOf(evil);
  const comparison = compareSets(
    { name: evil, runs: [recordFixture().record] },
    { name: evil, runs: [record] },
  );

  test.each([
    ['the summary in the terminal', terminalSummary(reportedRun(record), `runs/${evil}`, false)],
    ['the comparison in the terminal', comparisonForTerminal(comparison, false)],
    ['the comparison in Markdown', comparisonAsMarkdown(comparison)],
    ['the comparison in JUnit', comparisonJunit(comparison)],
    ['the page of the comparison', comparisonPage(comparison, { base: {}, current: {} })],
    ['summary.md', markdownSummary(reportedRun(record))],
    ['junit.xml', junitXml(reportedRun(record))],
    ['run.json, as it is printed', printableJson(record, 2)],
    ['HTML', escapeHtml(evil)],
  ])('in %s', (_, text) => {
    expect(OBEYED.exec(text)).toBeNull();
    expect(text).not.toMatch(/^\s*::/m);
    expect(text).not.toContain('##[');
  });

  test('in any text, of one line and of several', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0x20ff })), (codes) => {
        const text = String.fromCodePoint(...codes);
        expect(OBEYED.exec(printable(text))).toBeNull();
        expect(printable(text)).not.toContain('\n');
        expect(OBEYED.exec(printableLines(text))).toBeNull();
        expect(JSON.parse(printableJson({ text }))).toEqual({ text });
        expect(OBEYED.exec(printableJson({ text }))).toBeNull();
      }),
    );
  });

  test('however long it is', () => {
    for (const filling of [' ', '\n', ':', '#', '\u001b', ' \n ']) {
      const text = `x${filling.repeat(200_000)}x`;
      expect(printable(text)).not.toContain('\n');
      expect(printableLines(text).at(-1)).toBe('x');
    }
  });

  test('and what people write stays as it is', () => {
    const text = 'Zoë – naïve “quotes”, 漢字, نمی‌خواهم, 👩‍💻, 5 µs';
    expect(printable(text)).toBe(text);
    expect(printableLines(`${text}\n\t${text}`)).toBe(`${text}\n\t${text}`);
    expect(printable('\u001b[31m')).toBe('\\u001b[31m');
  });
});

describe('Markdown for GitHub', () => {
  test('notifies nobody and links to nothing that a record names', () => {
    expect(inline('@octocat fixed #12 in https://evil.example, www.evil.example')).toBe(
      '@&#8203;octocat fixed \\#&#8203;12 in https:/&#8203;/evil.example, www&#8203;.evil.example',
    );
  });

  test('keeps code within its cell', () => {
    expect(code('a|b\\|c`d')).toBe("`a\\|b/\\|c'd`");
  });
});
