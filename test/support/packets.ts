import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Whether a process here may make a network namespace and a TUN device: Linux, root, and the device node. */
export const canSendPackets =
  process.platform === 'linux' &&
  existsSync('/dev/net/tun') &&
  spawnSync(process.execPath, [
    '--input-type=module',
    '-e',
    `import { enterNetworkNamespace } from './dist/loadgen/transports/packets/network-namespace.js';
     import { TunDevice } from './dist/loadgen/transports/packets/tun-device.js';
     enterNetworkNamespace();
     new TunDevice('probe0', 0x0a000001, 13).close();`,
  ]).status === 0;
