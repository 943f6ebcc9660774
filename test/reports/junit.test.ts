import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../../bench/chromium.js';
import { junitXml } from '../../reports/junit.js';
import { twoHosts, withHosts } from '../fixtures/agents.js';
import { recordFixture } from '../fixtures/record.js';
import { reportedRun } from '../fixtures/reported-run.js';
import { schemaViolations, type XmlElement } from '../support/xml-schema.js';

interface ParsedSuite {
  error: string | null;
  attributes: Record<string, string>;
  cases: { name: string; classname: string; failure: string | null; message: string | null }[];
}

let browser: Browser;
/** An empty one: only its parser is of use. */
let page: Page;
beforeAll(async () => {
  browser = await launchBrowser();
  page = await browser.newPage();
});
afterAll(async () => {
  await browser.close();
});

/** Reads the XML with a real parser, which rejects what is not well-formed. */
async function parse(xml: string): Promise<ParsedSuite> {
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
  return parsed as ParsedSuite;
}

/** The XML as plain data. */
async function treeOf(xml: string): Promise<XmlElement> {
  const tree = await page.evaluate(
    `(xml => {
      const read = (element) => ({
        name: element.nodeName,
        attributes: Object.fromEntries([...element.attributes].map(({ name, value }) => [name, value])),
        children: [...element.children].map(read),
        text: [...element.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ data }) => data).join(''),
      });
      return read(new DOMParser().parseFromString(xml, 'application/xml').documentElement);
    })(${JSON.stringify(xml)})`,
  );
  return tree as XmlElement;
}

describe('junit.xml', () => {
  it('has one test case for each gate, one for the generator and one for the record', async () => {
    const { record } = recordFixture();
    const suite = await parse(junitXml(reportedRun(record)));
    expect(suite.error).toBeNull();
    expect(suite.cases.map(({ name }) => name)).toEqual([
      ...record.gates.map(({ expression }) => expression),
      'generator kept its schedule',
      'the record is complete',
    ]);
    expect(new Set(suite.cases.map(({ classname }) => classname))).toEqual(new Set(['c2m.offline-backlog']));
    expect(suite.attributes).toMatchObject({ tests: '6', failures: '0', errors: '0', time: '31.100' });
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

  it('says as properties how many agents there were, where, which was the slowest, and who was lost', () => {
    const { record } = recordFixture((each) => {
      withHosts(each, twoHosts());
    });
    const xml = junitXml(reportedRun(record));
    expect(xml).toContain('<property name="agents" value="6"/>');
    expect(xml).toContain('<property name="hosts" value="a, b"/>');
    expect(xml).toContain(
      '<property name="agents.slowest" value="agent 3 on b was the slowest: lag p99 12 ms',
    );
    expect(xml).toContain(
      '<property name="agents.lost" value="agent 4 on b was lost at 12.4 s: ended (SIGKILL)"/>',
    );
    expect(junitXml(reportedRun(recordFixture().record))).not.toContain('"agents');
  });

  it('keeps to the schema that Jenkins checks reports by, whatever became of the run', async () => {
    const schema = await treeOf(await readFile(new URL('../fixtures/junit-10.xsd', import.meta.url), 'utf8'));
    const { record: passed } = recordFixture();
    const { record: partial } = recordFixture((record) => {
      record.verdict = 'partial';
      record.generator.valid = false;
      record.durationSeconds = 12_345.678;
      record.gates = [{ expression: 'messages.lost == 0', value: 3, passed: false }];
    });
    const damage = [{ file: 'timeline.ndjson', what: 'is missing' }];
    for (const run of [reportedRun(passed), reportedRun(partial, [], { damage })]) {
      expect(schemaViolations(schema, await treeOf(junitXml(run)))).toEqual([]);
    }
    // The schema is understood: what it forbids is found.
    const wrong = junitXml(reportedRun(passed))
      .replace('<testsuites ', '<testsuites skipped="0" ')
      .replace('<properties>', '<failure/><properties>')
      .replace(/ tests="\d+"/g, '');
    expect(schemaViolations(schema, await treeOf(wrong))).toEqual([
      '<testsuites> has no attribute skipped',
      '<testsuite> needs tests',
      expect.stringMatching(/^<testsuite> may not hold <failure><properties>/),
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
