import type { ListenAddress } from '../config.js';
import type { Certificate } from './certificate.js';
import { Listener, type ListenerOptions } from './listener.js';

/** All addresses that one worker accepts connections on. */
export class Listeners {
  readonly #listeners: Listener[] = [];

  /** @returns the addresses with the ports that the kernel chose. @throws the system's error */
  async listen(
    addresses: ListenAddress[],
    certificate: Certificate | undefined,
    options: Omit<ListenerOptions, 'address' | 'certificate'>,
  ): Promise<ListenAddress[]> {
    const bound: ListenAddress[] = [];
    for (const address of addresses) {
      const listener = await Listener.make({ address, certificate, ...options });
      bound.push(await listener.listen());
      this.#listeners.push(listener);
    }
    return bound;
  }

  /** Stops accepting; open connections stay. */
  stop(): void {
    for (const listener of this.#listeners) listener.stop();
  }

  /** Accepts again where it was stopped. */
  resume(): void {
    for (const listener of this.#listeners) {
      if (listener.isListening) continue;
      listener.listen().catch(() => {
        // Somebody else took the port meanwhile; the next call tries again.
      });
    }
  }
}
