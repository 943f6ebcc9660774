import { type Flood, startFlood } from './flood.js';
import type { FloodOptions } from './flood-client.js';

/** Runs a flood in a process of its own; says every second how many messages have completed. */
let running: Flood | undefined;

process.on('message', (options: FloodOptions | 'take') => {
  if (options === 'take') {
    const accepted = running?.takeAccepted();
    process.send?.({
      acceptedP50Ms: (accepted?.getValueAtPercentile(50) ?? 0) / 1000,
      acceptedP99Ms: (accepted?.getValueAtPercentile(99) ?? 0) / 1000,
    });
    return;
  }
  startFlood(options).then(
    (flood) => {
      running = flood;
      process.send?.({ completed: flood.completed() });
      setInterval(() => process.send?.({ completed: flood.completed() }), 250);
    },
    (error: Error) => {
      console.error(error.message);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.('up');
