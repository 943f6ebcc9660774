import { expect, test } from 'vitest';
import { startNatsServer } from '../support/nats-server.js';
import { type RunningCommand, startC2m } from './c2m.js';

function serve(nats: string, workers: number): RunningCommand {
  return startC2m(
    ...['serve', '--listen', 'tcp://127.0.0.1:0', '--admin', 'off', '--workers', String(workers)],
    ...['--cluster', nats, '--node', 'birch', '--homes', '4', '--replicas', '1', '--log-level', 'info'],
  );
}

test('c2m serve under a name that is taken ends with exit status 2 and says what to do; after a kill the name is free again', async () => {
  const { endpoint } = await startNatsServer({ hasJetStream: true });
  const nats = `nats://127.0.0.1:${endpoint.port}`;
  const first = serve(nats, 2);
  await first.said(/listening {2}tcp/);

  const { status, stdout, stderr } = await serve(nats, 2).ended;

  expect(stderr).toMatch(
    /^node "birch" runs already: a server of that name is in the cluster as peer \d, at tcp:\/\/127\.0\.0\.1:\d+, and it came first; give this one a name of its own \(--node, or cluster\.node in its file\), or stop the other one before$/m,
  );
  expect(status).toBe(2);
  expect(stdout).not.toContain('listening  tcp');
  await expect.poll(() => first.words()).toContain('another server of the name birch came');

  first.kill('SIGKILL');
  await first.ended;
  const again = serve(nats, 1);
  await again.said(/listening {2}tcp/);
  again.kill('SIGTERM');
  expect((await again.ended).status).toBe(0);
}, 120_000);
