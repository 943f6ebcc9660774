import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const NOBODY = 65_534;
const isRoot = process.platform === 'linux' && process.geteuid?.() === 0;

test.skipIf(!isRoot)('without the rights, the message says what is missing and what to write instead', () => {
  const script = `
    import { enterNetworkNamespace } from './dist/loadgen/transports/packets/network-namespace.js';
    process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY});
    try { enterNetworkNamespace(); } catch (error) { console.log(error.code, error.message); }
  `;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect(stdout).toMatch(
    /^C2M_INPUT generator\.transport: packets needs root or CAP_SYS_ADMIN .* or write sockets\n$/,
  );
});
