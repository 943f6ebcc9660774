import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parseScenario } from '../../scenarios/load.js';
import { scenarioReference } from '../../scenarios/reference.js';

const FILE = 'docs/scenario.md';

test('docs/scenario.md lists every key, unit and metric that the schema has', async () => {
  const document = await readFile(FILE, 'utf8');
  const marker = /<!-- What follows is made from the schema: .* -->\n/.exec(document);
  const prose = document.slice(0, marker!.index + marker![0].length);
  const wanted = `${prose}\n${scenarioReference()}\n`;
  if (process.env.UPDATE_DOCS) await writeFile(FILE, wanted);
  expect(await readFile(FILE, 'utf8')).toBe(wanted);
});

test('the scenario that docs/scenario.md shows is a valid one', async () => {
  const document = await readFile(FILE, 'utf8');
  const example = /```yaml\n(name: .*?)```/s.exec(document);
  expect(parseScenario(example![1]!, FILE)).toMatchObject({ name: 'lunch', clients: { count: 2000 } });
});
