import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Host } from '../hosts/network.js';
import type { RunningCommand } from '../support/running-command.js';

/** A host with a folder of its own, where `c2m` and `npx c2m` are this build. */
export class Laptop {
  readonly host: Host;
  readonly folder: string;

  /** @param folder for its files */
  constructor(host: Host, folder: string) {
    this.host = host;
    this.folder = join(folder, host.name);
    mkdirSync(join(this.folder, 'bin'), { recursive: true });
    this.#program('c2m', `exec "${process.execPath}" "${resolve('dist/cli/c2m.js')}" "$@"`);
    this.#program('npx', 'exec "$@"');
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  /** What somebody types there, up to the next word that it has to wait for. */
  type(text: string): RunningCommand {
    const path = `export PATH="${join(this.folder, 'bin')}:$PATH:/usr/sbin"`;
    return this.host.start(['bash', '-ec', `cd "${this.folder}"\n${path}\n${text}\nwait\n`]);
  }

  #program(name: string, line: string): void {
    writeFileSync(join(this.folder, 'bin', name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  }
}
