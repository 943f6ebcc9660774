import { type FloodOptions, startFlood } from './flood.js';

/** Runs a flood in a process of its own; says every second how many messages have completed. */
process.on('message', (options: FloodOptions) => {
  startFlood(options).then(
    (flood) => {
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
