import { describe, expect, test } from 'vitest';
import { gateLine, gatePlace } from '../../reports/gate-line.js';
import { parseScenario } from '../../scenarios/load.js';
import { listShippedScenarios } from '../../scenarios/shipped.js';

const source = `name: lunch
description: messages.lost == 0 is what it is about
# gates: none
phases:
  - { name: talk, duration: 1s }
gates:
  - connections.peak >= 20000
  - connections.peak >= 2000
  - "messages.lost  ==  0" # nothing
  - 'latency.accepted.p99 < 100ms'
  - latency.accepted.p99 < 100ms * 2
generator: { lagLimit: 1s }
`;

test('a gate of a scenario that another one extends stands there, in the last that has it', () => {
  const scenario = {
    file: 'mine.yaml',
    source: 'extends: [a.yaml, b.yaml]\nname: mine\n',
    overrides: [],
    bases: [
      { file: 'a.yaml', source: 'gates: [messages.lost == 0]\n' },
      { file: 'b.yaml', source: 'name: b\ngates:\n  - messages.lost == 0\n' },
    ],
    resolved: {},
  };
  expect(gatePlace(scenario, 'messages.lost == 0')).toEqual({ file: 'b.yaml', line: 3 });
  expect(gatePlace(scenario, 'connections.peak > 1')).toEqual({ file: 'mine.yaml', line: undefined });
});

describe('the line of a gate in its scenario', () => {
  test.each([
    ['connections.peak >= 2000', 8],
    ['messages.lost == 0', 9],
    ['latency.accepted.p99 < 100ms', 10],
  ])('%s', (expression, line) => {
    expect(gateLine(source, expression)).toBe(line);
  });

  test('of a gate that stands nowhere, as one of --set, there is none', () => {
    expect(gateLine(source, 'messages.duplicated == 0')).toBeUndefined();
    expect(gateLine('name: x', 'messages.lost == 0')).toBeUndefined();
    expect(gateLine('', '')).toBeUndefined();
  });

  test('is found in lists on one line, and in JSON', () => {
    expect(
      gateLine('name: x\ngates: ["messages.lost == 0", connections.peak > 1]\n', 'connections.peak > 1'),
    ).toBe(2);
    expect(
      gateLine('{\n  "gates": [\n    "messages.lost == 0"\n  ],\n  "name": "x"\n}', 'messages.lost == 0'),
    ).toBe(3);
  });

  test('is found for every gate of the scenarios that ship', async () => {
    for (const { name, text } of await listShippedScenarios()) {
      for (const { expression } of parseScenario(text, name).gates) {
        const line = gateLine(text, expression) ?? 0;
        expect(text.split('\n')[line - 1], `${name}: ${expression}`).toContain(expression.split(' ')[0]);
      }
    }
  });
});
