/** One test: it passed, or why not. */
export interface JunitCase {
  name: string;
  failure: string | null;
}

export interface JunitSuite {
  name: string;
  /** ISO 8601. */
  startedAt: string;
  seconds: number;
  properties: [name: string, value: string][];
  cases: JunitCase[];
}

/**
 * JUnit XML as CI systems read it, by the schema that Jenkins checks reports by (xunit-plugin, junit-10.xsd), the strictest
 * that is published: `testsuites` has no `skipped`.
 */
export function junitSuite({ name, startedAt, seconds, properties, cases }: JunitSuite): string {
  const failures = cases.filter(({ failure }) => failure !== null).length;
  const counts = `tests="${cases.length}" failures="${failures}" errors="0"`;
  const time = seconds.toFixed(3);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="c2m" ${counts} time="${time}">`,
    `  <testsuite name="${attribute(name)}" ${counts} skipped="0" time="${time}" timestamp="${attribute(startedAt)}">`,
    '    <properties>',
    ...properties.map(
      ([key, value]) => `      <property name="${attribute(key)}" value="${attribute(value)}"/>`,
    ),
    '    </properties>',
    ...cases.map((each) => caseXml(name, each)),
    '  </testsuite>',
    '</testsuites>',
  ];
  return `${lines.join('\n')}\n`;
}

function caseXml(suite: string, { name, failure }: JunitCase): string {
  const head = `    <testcase classname="${attribute(suite)}" name="${attribute(name)}" time="0"`;
  if (failure === null) return `${head}/>`;
  const body = `      <failure type="c2m.gate" message="${attribute(failure)}">${text(failure)}</failure>`;
  return `${head}>\n${body}\n    </testcase>`;
}

function text(value: string): string {
  return withoutForbidden(value).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function attribute(value: string): string {
  return text(value)
    .replace(/"/g, '&quot;')
    .replace(/\n/g, '&#10;')
    .replace(/\r/g, '&#13;')
    .replace(/\t/g, '&#9;');
}

/** XML 1.0 has no way to write most control characters, not even escaped; a reader rejects the whole file. */
function withoutForbidden(value: string): string {
  return Array.from(value, (character) =>
    isAllowed(character.codePointAt(0) ?? 0) ? character : '\ufffd',
  ).join('');
}

function isAllowed(code: number): boolean {
  if (code < 0x20) return code === 0x09 || code === 0x0a || code === 0x0d;
  return !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff;
}
