import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { startChild } from './child.js';
import type { Subject } from './subject.js';
import { type Run, type Tool, watchUntilMeasured } from './tool.js';
import { base64Length, talkSeconds, type Workload } from './workload.js';

/**
 * Artillery of `npm install --prefix FOLDER artillery`, in one process with one worker, as it sets itself up on two cores.
 * Its newest versions want Node 22: on Node 20 install artillery@2.0.21, with PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1.
 * What is not the same as in a run of c2m:
 *
 * - Socket.IO: `acknowledge` waits for the callback of each message, then for the think time: a closed loop, which slows down
 *   with the server. It tells the time to the callback.
 * - WebSocket: `send` goes out and nothing is waited for, so it measures no time at all. Its engine has no listener for what
 *   comes, but the library under it reads the frames.
 * - Neither counts what its clients receive.
 */
export function artillery(folder: string): Tool {
  const command = resolve(folder, 'node_modules/artillery/bin/run');
  if (!existsSync(command))
    throw new Error(`${folder} has no Artillery; write npm install --prefix ${folder} artillery`);
  return {
    name: 'Artillery',
    speaks: ['socketio', 'websocket'],
    counts:
      'messages sent, and over Socket.IO the time to the callback of each; nothing of what clients receive, nor when it came',
    run: (protocol, subject, workload, purpose) => run(command, protocol, subject, workload, purpose),
  };
}

async function run(
  command: string,
  protocol: string,
  subject: Subject,
  workload: Workload,
  purpose: 'talk' | 'idle',
): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-artillery-'));
  try {
    const file = join(folder, 'artillery.yaml');
    await writeFile(join(folder, 'users.csv'), users(workload.clients));
    await writeFile(file, stringify(scenario(protocol, subject.port, workload)));
    const child = startChild(process.execPath, [command, 'run', '--quiet', file], {
      cwd: folder,
      env: { ...process.env, HOME: folder, ARTILLERY_DISABLE_TELEMETRY: 'true', WORKERS: '1' },
    });
    return await watchUntilMeasured(child, subject, workload, purpose);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Pairs: 0 and 1 write to each other, and so on. */
function users(clients: number): string {
  return Array.from({ length: clients }, (_, index) => `${index},${index ^ 1}\n`).join('');
}

function scenario(protocol: string, port: number, workload: Workload): object {
  const { clients, connectsPerSecond, rate } = workload;
  const body = 'x'.repeat(base64Length(workload.messageBytes));
  const betweenSeconds = clients / rate;
  const connectSeconds = Math.max(1, Math.round(clients / connectsPerSecond));
  const steps =
    protocol === 'socketio'
      ? {
          engine: 'socketio',
          login: { emit: ['login', '{{ user }}'], acknowledge: {} },
          message: { emit: ['message', '{{ partner }}', body], acknowledge: {} },
        }
      : {
          engine: 'ws',
          login: { send: '{"type":"login","user":"{{ user }}"}' },
          message: { send: `{"type":"message","to":"{{ partner }}","id":{{ $loopCount }},"body":"${body}"}` },
        };
  return {
    config: {
      target: `${protocol === 'socketio' ? 'http' : 'ws'}://127.0.0.1:${port}`,
      phases: [{ duration: connectSeconds, arrivalCount: clients }],
      payload: { path: 'users.csv', fields: ['user', 'partner'], order: 'sequence' },
      socketio: { transports: ['websocket'] },
    },
    scenarios: [
      {
        engine: steps.engine,
        flow: [
          steps.login,
          {
            loop: [steps.message, { think: `${Math.round(1000 * betweenSeconds)}ms` }],
            // Twice as long as is needed: it is ended then.
            count: Math.ceil((2 * talkSeconds(workload) + connectSeconds) / betweenSeconds),
          },
        ],
      },
    ],
  };
}
