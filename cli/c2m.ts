#!/usr/bin/env node
import { main } from './program.js';

// `c2m report DIR | head` closes our output early, a terminal that is closed takes it away; that is no fault.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });
}
process.exitCode = await main(process.argv);
