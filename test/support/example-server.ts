import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEachTest } from './clean-up.js';

const endings: (() => Promise<unknown>)[] = [];
afterEachTest('servers', async () => {
  await Promise.all(endings.splice(0).map((end) => end()));
});

/** The chat server of the examples, as its reader starts it; its addresses. */
export async function exampleServer(): Promise<{ tcp: string; ws: string }> {
  const child = spawn(process.execPath, ['examples/own-codec/server.js'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  endings.push(async () => {
    child.kill();
    await once(child, 'exit');
  });
  let said = '';
  const addresses = (scheme: string): string => new RegExp(`^${scheme}://\\S+`, 'm').exec(said)?.[0] ?? '';
  for await (const chunk of child.stdout) {
    said += chunk;
    if (addresses('tcp') && addresses('ws')) break;
  }
  return { tcp: addresses('tcp'), ws: addresses('ws') };
}
