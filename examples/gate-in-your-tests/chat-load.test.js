// Gates a server in a project's own suite:
//
//   npm install --save-dev c2m
//   node --test
//
// With vitest it is the same: import { test } from 'vitest', and give the test a longer time-out than its 5 s.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runScenario } from 'c2m';
import { startChat } from './chat-server.js';

const SCENARIO = new URL('./chat-load.yaml', import.meta.url);

let chat;
let records;
before(async () => {
  chat = await startChat();
  records = await mkdtemp(join(tmpdir(), 'chat-load-'));
});
after(async () => {
  await chat.close();
  await rm(records, { recursive: true });
});

const run = (name, set = {}) =>
  runScenario(SCENARIO, {
    folder: join(records, name),
    set: { 'target.addresses': [chat.address], ...set },
    // A run that hangs with the server ends all the same, with what was measured until then.
    signal: AbortSignal.timeout(60_000),
  });

test('the chat holds a hundred people, and loses nothing', async () => {
  const { passed, problems } = await run('passes');

  assert.ok(passed, problems.join('\n'));
});

test('a gate that the chat cannot keep is told in a line', async () => {
  const { passed, record, problems } = await run('fails', { gates: ['connections.peak >= 200'] });

  assert.equal(passed, false);
  assert.equal(record.verdict, 'failed');
  assert.match(problems[0], /^connections\.peak >= 200 did not hold: 100/);
});
