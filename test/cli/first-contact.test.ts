import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runRecordSchema } from '../../record/run.js';
import { startWrongServer } from '../fixtures/wrong-server.js';
import { testFolder } from '../support/folder.js';
import { echoServer, httpServer } from '../support/wrong-listeners.js';
import { c2m } from './c2m.js';

const BRIEF = [
  '--set',
  'clients.count=50',
  '--set',
  'phases=[{name: talk, duration: 1s, rate: 50/s}]',
  '--set',
  'gates=["messages.lost == 0"]',
];

describe('c2m run against the wrong server', () => {
  test.each([
    [
      'HTTP',
      async () => `tcp://127.0.0.1:${await httpServer()}`,
      'it answered "HTTP/1.1 400 Bad Request", which is HTTP',
    ],
    ['an echo', async () => `ws://127.0.0.1:${await echoServer()}`, 'it sends back what it was sent'],
  ])('says so in one sentence, ends with 1 and ticks nothing: %s', async (_, start, words) => {
    const out = join(testFolder(), 'record');
    const address = await start();
    const { status, stdout, stderr } = await c2m(
      'run',
      'ci-smoke',
      '--out',
      out,
      '--set',
      `target=${address}`,
      ...BRIEF,
    );
    expect(stderr).toContain(`${address} does not speak c2m: ${words}`);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stdout).toBe('');
    expect(status).toBe(1);
    await expect(readdir(out)).rejects.toThrow('ENOENT');
  });

  test('runs where the server is right but for what it does to messages, and notes what it did to the first', async () => {
    const server = await startWrongServer({ refuses: (message) => message === 1 });
    const address = `tcp://127.0.0.1:${server.address.port}`;
    const { stdout } = await c2m(
      'run',
      'ci-smoke',
      '--json',
      '--out',
      join(testFolder(), 'record'),
      '--set',
      `target=${address}`,
      ...BRIEF,
    );
    await server.close();
    const record = runRecordSchema.parse(JSON.parse(stdout));
    expect(record.notes).toContain('first contact: the server did not take the message (MailboxFull)');
    expect(record.messages).toMatchObject({ sent: server.did.messages - 1, refused: 0, lost: 0 });
    expect(record.connections).toMatchObject({ peak: 50, failed: 0, dropped: 0 });
  });
});
