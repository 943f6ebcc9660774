import { expect, test } from 'vitest';
import { ClientWriter } from '../../../loadgen/agent/client-writer.js';

test('text that does not fit behind what was written goes out whole, and in order', () => {
  const sent: string[] = [];
  const writer = new ClientWriter(
    1,
    false,
    () => true,
    () => undefined,
  );
  writer.use({
    open: () => undefined,
    send: (_client, bytes) => sent.push(bytes.toString()) > 0,
    end: () => undefined,
    cut: () => undefined,
  });
  const texts = Array.from({ length: 1000 }, (_, index) => `message ${index}, ${'ü'.repeat(50)}; `);
  writer.begin(0);
  for (const text of texts) writer.writeText(text);
  writer.end();
  expect(sent.length).toBeGreaterThan(1);
  expect(sent.join('')).toBe(texts.join(''));
});
