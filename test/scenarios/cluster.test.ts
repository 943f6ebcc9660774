import { describe, expect, test } from 'vitest';
import { parseScenario } from '../../scenarios/load.js';

function parse(target: string, more = '') {
  const text = `name: chat
target: ${target}
clients: { count: 10 }
phases: [{ name: talk, duration: 60s }]
${more}`;
  return parseScenario(text, 'chat.yaml');
}

function issuesOf(target: string, more?: string): string {
  try {
    parse(target, more);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

const CLUSTER = '{ embedded: { cluster: { nodes: 3, nats: 3 } } }';

describe('a target with nodes', () => {
  test('has three of everything unless it says otherwise', () => {
    expect(parse('{ embedded: { cluster: {} } }').target).toMatchObject({
      kind: 'embedded',
      cluster: { nodes: 3, nats: 3, replicas: 3, homes: 64 },
    });
  });

  test('keeps each log once where there is one server of NATS', () => {
    const { target } = parse('{ embedded: { cluster: { nodes: 2, nats: 1, homes: 8 } } }');
    expect(target).toMatchObject({ cluster: { nodes: 2, nats: 1, replicas: 1, homes: 8 } });
  });

  test('is one server where it says nothing of a cluster', () => {
    expect(parse('embedded').target).not.toHaveProperty('cluster');
  });

  test.each([
    ['{ embedded: { cluster: 3 } }', 'cluster: must be a cluster, such as {nodes: 3'],
    ['{ embedded: { cluster: { nodes: 0 } } }', 'cluster.nodes: must be at least 1'],
    ['{ embedded: { cluster: { nats: 2 } } }', 'cluster.nats: 2 is not one of 1, 3, 5'],
    [
      '{ embedded: { cluster: { nats: 1, replicas: 3 } } }',
      'cluster.replicas: 3 servers of NATS cannot keep a log where there are 1; write nats: 3',
    ],
    ['{ embedded: { cluster: { nods: 3 } } }', 'did you mean nodes'],
    ['{ embedded: { store: memory, cluster: {} } }', 'store: is NATS in a cluster; leave it out'],
  ])('%s is refused', (target, words) => {
    expect(issuesOf(target)).toContain(words);
  });

  test.each([
    ['media: { uploads: 1/s, size: 10KiB }', 'media: go to one server'],
    ['generator: { transport: packets }', 'generator.transport: packets are for one server'],
  ])('cannot be loaded with %s', (more, words) => {
    expect(issuesOf(CLUSTER, more)).toContain(words);
  });
});

describe('what is done to a cluster', () => {
  test('is written out with its times, and draws lots where it does not say to whom', () => {
    const { actions } = parse(
      CLUSTER,
      `actions:
        - { at: 1s, do: kill-node, every: 5s, times: 2, restartAfter: 2s }
        - { at: 2s, do: kill-nats, nats: each }
        - { at: 3s, do: stop-node, node: 2, for: 4s }
        - { at: 4s, do: drain-node, node: each }
        - { at: 4s, do: cut-node, for: 10s }
        - { at: 5s, do: reload }
        - { at: 7s, do: kill-server }`,
    );
    expect(actions).toEqual([
      { kind: 'kill-node', atMs: 1000, node: 'any', restartAfterMs: 2000 },
      { kind: 'kill-nats', atMs: 2000, nats: 'each', restartAfterMs: 0 },
      { kind: 'stop-node', atMs: 3000, node: 2, forMs: 4000 },
      { kind: 'drain-node', atMs: 4000, node: 'each' },
      { kind: 'cut-node', atMs: 4000, node: 'any', forMs: 10_000 },
      { kind: 'reload', atMs: 5000, handlers: null, isRejected: false },
      { kind: 'kill-node', atMs: 6000, node: 'any', restartAfterMs: 2000 },
      { kind: 'kill-server', atMs: 7000 },
    ]);
  });

  test.each([
    ['{ at: 1s, do: kill-node, node: 4 }', 'node: there is no number 4; there are 3, from 1 on'],
    ['{ at: 1s, do: kill-node, node: 0 }', 'node: 0 must be the number of a node, from 1, or each'],
    ['{ at: 1s, do: kill-nats, nats: 7 }', 'nats: there is no number 7'],
    ['{ at: 1s, do: kill-nats, node: 1 }', 'node: says nothing about kill-nats'],
    ['{ at: 1s, do: drain-node, restartAfter: 1s }', 'restartAfter: says nothing about drain-node'],
    ['{ at: 1s, do: stop-node }', 'for: is missing; how long is it stopped'],
    ['{ at: 1s, do: cut-node }', 'for: is missing; how long is it cut'],
    ['{ at: 1s, do: kill-worker }', 'kill-worker is done to one server alone; of a cluster write kill-node'],
    ['{ at: 1s, do: kill-nod }', 'did you mean kill-node'],
  ])('%s is refused', (action, words) => {
    expect(issuesOf(CLUSTER, `actions: [${action}]`)).toContain(words);
  });

  test.each(['embedded', 'tcp://127.0.0.1:4000'])(
    'takes a cluster that the lab started, and not %s',
    (target) => {
      for (const action of [
        'kill-node',
        'drain-node',
        'kill-nats',
        'stop-node, for: 1s',
        'cut-node, for: 1s',
      ])
        expect(issuesOf(target, `actions: [{ at: 1s, do: ${action} }]`)).toContain(
          'is done to a cluster that the lab started; write target.embedded.cluster, or leave it out',
        );
    },
  );
});
