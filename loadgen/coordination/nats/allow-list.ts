import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { isLoopback } from '../../../protocol/address.js';
import { InputError } from '../../../record/input-error.js';

const NAME = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

/** Where the owner of a machine lets load go to: its own loopback, and what was named. */
export class AllowList {
  /** As the owner wrote it. */
  readonly written: readonly string[];
  readonly #names = new Set<string>();
  readonly #addresses = new BlockList();

  private constructor(written: readonly string[]) {
    this.written = written;
  }

  /**
   * Names are resolved now, once.
   * @param written names, addresses, and networks such as 10.0.0.0/8
   * @throws InputError for what is none of these
   */
  static async of(written: readonly string[]): Promise<AllowList> {
    const list = new AllowList(written);
    for (const each of written) await list.#add(each);
    return list;
  }

  /** @param host an address, or a name */
  allows(host: string): boolean {
    if (isLoopback(host)) return true;
    const version = isIP(host);
    if (version === 0) return this.#names.has(bareName(host));
    // A zone says by which device, and is no part of the address.
    return this.#addresses.check(host.replace(/%.*$/, ''), familyOf(version));
  }

  async #add(written: string): Promise<void> {
    const text = written.trim().replace(/^\[(.*)\]$/, '$1');
    const [, network = '', bits = ''] = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(text) ?? [];
    const version = isIP(network || text);
    if (version !== 0) {
      if (bits === '') this.#addresses.addAddress(text, familyOf(version));
      else if (Number(bits) <= (version === 4 ? 32 : 128))
        this.#addresses.addSubnet(network, Number(bits), familyOf(version));
      else throw notAllowable(written);
      return;
    }
    if (!NAME.test(text)) throw notAllowable(written);
    this.#names.add(bareName(text));
    try {
      for (const { address, family } of await lookup(text, { all: true }))
        this.#addresses.addAddress(address, familyOf(family));
    } catch (error) {
      throw new InputError(
        `--allow: ${written} cannot be resolved (${(error as NodeJS.ErrnoException).code}); correct it, or write its address`,
      );
    }
  }
}

function bareName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function familyOf(version: number): 'ipv4' | 'ipv6' {
  return version === 4 ? 'ipv4' : 'ipv6';
}

function notAllowable(written: string): InputError {
  return new InputError(
    `--allow: "${written}" is no host; write a name, an address, or a network such as 10.0.0.0/8`,
  );
}
