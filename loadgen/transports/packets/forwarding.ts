import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { PacketsError } from './packets-error.js';

/** Waits for a word. Where its standard input ends without one, whoever held that has died, and it puts things right. */
const GUARD = `read -r _ && exit
printf '0\\n' > "$1"`;

/** Devices whose packets the kernel passes on because it was told to here, until it is told that it was enough. */
export class Forwarding {
  readonly #guards = new Map<string, ChildProcess>();

  /**
   * Has the kernel pass on what comes in by a device. A shell of one megabyte sees to it that this ends with this process,
   * even if that is killed with SIGKILL.
   * @returns the setting that was changed; undefined: it was so already
   * @throws PacketsError where it may not be set
   */
  allow(device: string): string | undefined {
    const file = fileOf(device);
    if (readFileSync(file, 'utf8').trim() !== '0') return undefined;
    try {
      writeFileSync(file, '1');
    } catch (error) {
      throw new PacketsError(
        `net.ipv4.conf.${device}.forwarding cannot be set (${(error as NodeJS.ErrnoException).code}); ` +
          'set it to 1 yourself, outside the container if this is one',
      );
    }
    const guard = spawn('/bin/sh', ['-c', GUARD, 'c2m-guard', file], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // Without a guard, or with one that was killed, it is put right by `end` alone.
    guard.once('error', () => undefined);
    guard.stdin.once('error', () => undefined);
    guard.unref();
    this.#guards.set(device, guard);
    return `net.ipv4.conf.${device}.forwarding`;
  }

  /** Puts everything back; to be called in the network namespace of `allow`. */
  end(): void {
    for (const [device, guard] of this.#guards) {
      writeBack(fileOf(device));
      guard.stdin?.end('done\n');
    }
    this.#guards.clear();
  }
}

function fileOf(device: string): string {
  return `/proc/sys/net/ipv4/conf/${device}/forwarding`;
}

function writeBack(file: string): void {
  try {
    writeFileSync(file, '0');
  } catch (error) {
    // The device is gone, and its settings with it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
