import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nameOfPart, partsByNode, worstOfNodes } from '../../../loadgen/recording/node-queues.js';

const NODES = ['node-1', 'node-2', 'node-12'];

test('a queue of a node has a name that leads back to it', () => {
  const queue = fc.constantFrom('mailboxes', 'bus-ingress', 'mailboxes#0', 'mailboxes#12');
  fc.assert(
    fc.property(queue, fc.constantFrom(...NODES), (name, node) => {
      expect(partsByNode(nameOfPart(name, node), NODES)).toEqual({ node, queue: name });
    }),
  );
});

test('a total is no node’s, nor is the process of a server that stands alone', () => {
  expect(partsByNode('mailboxes', NODES)).toBeUndefined();
  expect(partsByNode('mailboxes#0', NODES)).toBeUndefined();
});

test('of all nodes the worst has the name of the queue alone', () => {
  const queues = worstOfNodes<number>(
    [
      ['node-1', new Map([['mailboxes', 3]])],
      [
        'node-2',
        new Map([
          ['mailboxes', 9],
          ['mailboxes#0', 8],
          ['mailboxes#1', 1],
        ]),
      ],
    ],
    (length) => length,
  );
  expect(Object.fromEntries(queues)).toEqual({
    mailboxes: 9,
    'mailboxes#node-1': 3,
    'mailboxes#node-2': 9,
    'mailboxes#node-2/0': 8,
    'mailboxes#node-2/1': 1,
  });
});
