import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { junitXml } from '../../reports/junit.js';
import { launchBrowser } from '../fixtures/browser.js';
import { recordFixture } from '../fixtures/record.js';
import { reportedRun } from '../fixtures/reported-run.js';

interface ParsedSuite {
  error: string | null;
  attributes: Record<string, string>;
  cases: { name: string; classname: string; failure: string | null; message: string | null }[];
}

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
});

/** Reads the XML with a real parser, which rejects what is not well-formed. */
async function parse(xml: string): Promise<ParsedSuite> {
  const page = await browser.newPage();
  // As text: the page's globals are not those of this process.
  const parsed = await page.evaluate(
    `(xml => {
      const parsed = new DOMParser().parseFromString(xml, 'application/xml');
      const suite = parsed.querySelector('testsuite');
      return {
        error: parsed.querySelector('parsererror')?.textContent ?? null,
        attributes: Object.fromEntries([...(suite?.attributes ?? [])].map(({ name, value }) => [name, value])),
        cases: [...parsed.querySelectorAll('testcase')].map((each) => ({
          name: each.getAttribute('name'),
          classname: each.getAttribute('classname'),
          failure: each.querySelector('failure')?.textContent ?? null,
          message: each.querySelector('failure')?.getAttribute('message') ?? null,
        })),
      };
    })(${JSON.stringify(xml)})`,
  );
  await page.close();
  return parsed as ParsedSuite;
}

describe('junit.xml', () => {
  it('has one test case for each gate and one for the generator', async () => {
    const { record } = recordFixture();
    const suite = await parse(junitXml(reportedRun(record)));
    expect(suite.error).toBeNull();
    expect(suite.cases.map(({ name }) => name)).toEqual([
      ...record.gates.map(({ expression }) => expression),
      'generator kept its schedule',
    ]);
    expect(new Set(suite.cases.map(({ classname }) => classname))).toEqual(new Set(['c2m.offline-backlog']));
    expect(suite.attributes).toMatchObject({ tests: '5', failures: '0', errors: '0', time: '31.100' });
  });

  it('says the value of a gate that failed', async () => {
    const suite = await parse(
      junitXml(
        reportedRun(
          recordFixture((record) => {
            record.verdict = 'failed';
            record.gates = [
              { expression: 'latency.delivered.p99 < 250ms', value: 412.3, passed: false },
              {
                expression: 'latency.connect.p99 < 1s',
                value: null,
                passed: false,
                note: 'no latency was recorded',
              },
            ];
          }).record,
        ),
      ),
    );
    expect(suite.attributes.failures).toBe('2');
    expect(suite.cases[0]?.message).toBe('latency.delivered.p99 < 250ms did not hold: 412 ms');
    expect(suite.cases[1]?.failure).toContain('no latency was recorded');
  });

  it('fails the generator in an invalid run and the completion in a partial one', async () => {
    const invalid = await parse(
      junitXml(
        reportedRun(
          recordFixture((record) => {
            record.verdict = 'invalid';
            record.generator.valid = false;
          }).record,
        ),
      ),
    );
    expect(invalid.cases.filter(({ failure }) => failure).map(({ name }) => name)).toEqual([
      'generator kept its schedule',
    ]);
    const partial = await parse(
      junitXml(
        reportedRun(
          recordFixture((record) => {
            record.verdict = 'partial';
          }).record,
        ),
      ),
    );
    expect(partial.cases.filter(({ failure }) => failure).map(({ name }) => name)).toEqual([
      'the run was completed',
    ]);
  });

  it('stays well-formed whatever a name holds', async () => {
    const name = `<&>"' ]]> \u0000\u0008\ud800 \n\t 💬`;
    const suite = await parse(
      junitXml(
        reportedRun(
          recordFixture((record) => {
            record.name = name;
            record.gates = [{ expression: name, value: 1, passed: false }];
          }).record,
        ),
      ),
    );
    expect(suite.error).toBeNull();
    expect(suite.cases[0]?.name).toBe(`<&>"' ]]> \\u0000\\u0008\ufffd 💬`);
  });
});
