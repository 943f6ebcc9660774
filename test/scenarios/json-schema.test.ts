import { readFile } from 'node:fs/promises';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { scenarioJsonSchema } from '../../scenarios/json-schema.js';
import { parseScenario } from '../../scenarios/load.js';
import { SCHEMA_FILE } from '../../scenarios/schema-reference.js';
import { listShippedScenarios } from '../../scenarios/shipped.js';

const EXAMPLES = ['json-chat', 'own-adapter', 'own-codec'].map((name) => `examples/${name}/scenario.yaml`);

const check = new Ajv({ allErrors: true, strict: false }).compile(scenarioJsonSchema());

/** What an editor would underline. */
function problemsOf(content: unknown): string[] {
  check(content);
  return (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** A scenario with a value in it, at a path such as `clients.count`. */
function scenarioWith(path: string, value: unknown): Record<string, unknown> {
  const scenario: Record<string, unknown> = {
    name: 'chat',
    target: { embedded: {} },
    clients: { count: 10 },
    messages: {},
    generator: {},
    phases: [{ name: 'talk', duration: '1s' }],
  };
  const keys = path.split('.');
  const parent = keys.slice(0, -1).reduce<Record<string, unknown>>((at, key) => {
    at[key] ??= {};
    return at[key] as Record<string, unknown>;
  }, scenario);
  parent[keys.at(-1) as string] = value;
  return scenario;
}

test('scenarios/scenario.schema.json is what the schema says now', async () => {
  const shipped = await readFile(SCHEMA_FILE, 'utf8');
  expect(JSON.parse(shipped), 'npm run build && npm run schema').toEqual(
    JSON.parse(JSON.stringify(scenarioJsonSchema())),
  );
});

describe('what ships', () => {
  test('is a scenario by the JSON Schema, and names it for editors', async () => {
    const shipped = (await listShippedScenarios()).map(({ path }) => path);
    for (const file of [...shipped, ...EXAMPLES]) {
      const text = await readFile(file, 'utf8');
      expect(problemsOf(parse(text)), file).toEqual([]);
      const [, reference = ''] =
        /^# yaml-language-server: \$schema=(\S+)$/m.exec(text.split('\n')[0] ?? '') ?? [];
      const named = new URL(reference, `file://${file.startsWith('/') ? '' : `${process.cwd()}/`}${file}`);
      expect(named.pathname, file).toBe(SCHEMA_FILE);
    }
  });
});

describe('the JSON Schema takes what c2m takes', () => {
  test.each<[string, unknown]>([
    ['clients.count', 5000],
    ['clients.count', '5_000'],
    ['clients.connectRate', '500/s'],
    ['clients.connectRate', '30/m'],
    ['clients.heartbeat', '1m30s'],
    ['clients.heartbeat', '500 ms'],
    ['messages.size', '64KiB'],
    ['messages.size', { uniform: ['64B', '1KiB'] }],
    ['messages.size', { lognormal: { median: '200B', sigma: 0.8, max: '4KiB' } }],
    ['phases', [{ name: 'talk', duration: '1s', rate: '1000/s..50000/s', away: '10%' }]],
    ['phases', [{ name: 'talk', duration: '1s', rate: 0, away: 0.1 }]],
    ['target', 'embedded'],
    ['target', 'tcp://127.0.0.1:4000'],
    ['target', { embedded: null }],
    ['target', { addresses: ['tcp://127.0.0.1:1883'], driver: 'mqtt' }],
    ['target', { addresses: ['tcp://127.0.0.1:1883'], driver: { mqtt: null } }],
    ['target', { addresses: ['tcp://127.0.0.1:1883'], driver: './my-driver.js' }],
    [
      'target',
      { addresses: ['ws://127.0.0.1:80'], driver: { websocket: { preset: 'echo', heartbeat: null } } },
    ],
    ['generator.agents', 'auto'],
    ['generator.agents', 3],
    ['gates', ['messages.lost == 0', { gate: 'messages.duplicated == 0', abortOnFail: true }]],
  ])('%s: %j', (path, value) => {
    const scenario = scenarioWith(path, value);
    expect(problemsOf(scenario)).toEqual([]);
    expect(() => parseScenario(JSON.stringify(scenario), 'chat.yaml')).not.toThrow();
  });

  test('variables of the environment wherever a value may stand', () => {
    for (const path of ['clients.count', 'clients.connectRate', 'generator.agents', 'messages.arrival'])
      expect(problemsOf(scenarioWith(path, `\${C2M_VALUE:-1}`)), path).toEqual([]);
  });

  test('a scenario that leaves out what the one has that it extends', () => {
    expect(problemsOf({ extends: 'chat', clients: { connectRate: '5/s' } })).toEqual([]);
    expect(problemsOf({ phases: [{ import: 'warm-up.yaml' }], extends: ['a.yaml', 'b.yaml'] })).toEqual([]);
  });
});

describe('it refuses what c2m refuses', () => {
  test.each<[string, unknown]>([
    ['clients.count', '5000/s'],
    ['clients.count', 1],
    ['clients.count', 2.5],
    ['clients.connectRate', 500],
    ['clients.connectRate', 'fast'],
    ['clients.heartbeat', '10 parsecs'],
    ['clients.number', 3],
    ['messages.size', '64 elephants'],
    ['messages.size', { uniform: ['64B'] }],
    ['messages.arrival', 'sometimes'],
    ['phases', [{ name: 'talk' }]],
    ['phases', [{ name: 'talk', duration: '1s', rate: '1000/s..' }]],
    ['phases', [{ name: 'talk', duration: '1s', away: 2 }]],
    ['phases', []],
    ['target', 'somewhere'],
    ['target', { addresses: ['tcp://127.0.0.1:1883'], driver: 'smoke-signals' }],
    ['generator.agents', 'many'],
    ['gates', [{ abortOnFail: true }]],
    ['colour', 'blue'],
  ])('%s: %j', (path, value) => {
    const scenario = scenarioWith(path, value);
    expect(problemsOf(scenario)).not.toEqual([]);
    expect(() => parseScenario(JSON.stringify(scenario), 'chat.yaml')).toThrow(/chat\.yaml:1/);
  });

  test.each(['name', 'target', 'clients', 'phases'])('a scenario without %s', (key) => {
    const { [key]: _, ...rest } = scenarioWith('name', 'chat');
    expect(problemsOf(rest)).not.toEqual([]);
  });
});

test('every key says what it is for, and a figure what it looks like', () => {
  const untold: string[] = [];
  const visit = (schema: Record<string, unknown>, path: string): void => {
    for (const [key, value] of Object.entries(
      (schema.properties ?? {}) as Record<string, Record<string, unknown>>,
    )) {
      if (typeof value.description !== 'string') untold.push(`${path}.${key}`);
      visit(value, `${path}.${key}`);
    }
    for (const inner of [schema.items, ...((schema.anyOf as unknown[]) ?? [])])
      if (typeof inner === 'object' && inner !== null) visit(inner as Record<string, unknown>, path);
  };
  const schema = scenarioJsonSchema();
  visit(schema, '');
  expect(untold).toEqual([]);
  const { clients } = schema.properties as Record<string, { properties: Record<string, object> }>;
  expect(clients?.properties.connectRate).toMatchObject({
    description: expect.stringContaining('Connects a second'),
    default: '1000/s',
    examples: expect.arrayContaining(['500/s']),
  });
});
