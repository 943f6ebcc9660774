import { measureThroughput } from './throughput.js';

const CONNECTIONS = Number(process.env.C ?? 200);
const WINDOW = Number(process.env.W ?? 16);
const SECONDS = 5;

/** Everything is measured in one run and printed side by side: this is how to compare on a noisy machine. */
for (const target of (process.env.T ?? 'relay-ws,c2m-tcp,c2m-ws').split(',') as 'c2m-tcp'[]) {
  const result = await measureThroughput(
    { target, connections: CONNECTIONS, window: WINDOW, payloadBytes: 100 },
    SECONDS,
  );
  console.log(target.padEnd(10), JSON.stringify(result));
}
process.exit(0);
