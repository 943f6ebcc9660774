import type { Command } from 'commander';
import type { Finish } from './exit-status.js';

/** A command as `c2m --help` lists it. Its module is loaded where it is asked for: all of them take a second or two of a core. */
export interface CommandEntry {
  name: string;
  summary: string;
  load(): Promise<(finish: Finish) => Command>;
}
