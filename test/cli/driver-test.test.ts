import { describe, expect, test } from 'vitest';
import { exampleServer } from '../support/example-server.js';
import { httpServer } from '../support/wrong-listeners.js';
import { c2mHere } from './c2m.js';

describe('c2m driver test', () => {
  test('says what a driver promises, and that it holds', async () => {
    const { tcp } = await exampleServer();
    const { status, stdout, stderr } = await c2mHere(
      ...['driver', 'test', tcp, '--driver', 'examples/own-codec/lines-driver.js', '--clients', '300'],
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^ {2}accepted +yes/m);
    expect(stdout).toMatch(/^ {2}receipt +no/m);
    for (const check of ['login', 'one message', 'open workload', 'login storm', 'away and back'])
      expect(stdout).toMatch(new RegExp(`^ {2}✔ ${check} `, 'm'));
    expect(stdout).toMatch(/^ {2}· memory a client /m);
    expect(stdout).toMatch(/^ {2}· CPU a message +[\d.]+ (µs|ms) in the agent/m);
    expect(status).toBe(0);
  });

  test('ends with 1 where nobody can log in, and prints JSON for a pipe', async () => {
    const { tcp } = await exampleServer();
    const set = ['--set', 'clients.connectTimeout=300ms'];
    const { status, stdout, stderr } = await c2mHere('driver', 'test', tcp, '--json', ...set);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      driver: 'c2m',
      address: tcp,
      promises: { accepted: true },
      holds: false,
      checks: [{ name: 'login', holds: false, words: expect.stringContaining('does it speak c2m?') }],
    });
    expect(status).toBe(1);
  });

  test('ends with 1 and one sentence where the server speaks something else', async () => {
    const { status, stderr } = await c2mHere('driver', 'test', `tcp://127.0.0.1:${await httpServer()}`);
    expect(stderr).toMatch(/^tcp:\S+ does not speak c2m: it answered "HTTP\/1\.1 400 Bad Request"/);
    expect(status).toBe(1);
  });

  test.each([
    [['tcp://127.0.0.1:9', '--driver', 'telepathy'], 'telepathy: is not a known key'],
    [['tcp://127.0.0.1:9', '--driver', './gone.js'], 'gone.js cannot be loaded'],
    [['tcp://127.0.0.1:9', '--clients', 'many'], '--clients: "many" is not a number of clients'],
    [['tcp://192.0.2.7:9'], 'load goes there only if target.allow names it'],
    [[], "missing required argument 'url'"],
  ])('ends with 2 where the input is wrong: %j', async (argv, words) => {
    const { status, stdout, stderr } = await c2mHere('driver', 'test', ...argv);
    expect(stderr).toContain(words);
    expect(stderr).not.toContain('    at ');
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});
