import { randomBytes } from 'node:crypto';
import type { XmppSettings } from '../../../scenarios/drivers/xmpp-schema.js';
import type { Output } from '../driver.js';
import type { Addresses } from './addresses.js';
import { reasonOf } from './conditions.js';
import { Namespace } from './namespaces.js';
import { SaltedPasswords, ScramExchange } from './scram.js';
import { childOf, type XmlElement } from './xml-element.js';

/** Strongest first: what `auto` looks for. */
const MECHANISMS = ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN'] as const;
type Mechanism = (typeof MECHANISMS)[number];

const NONCE_BYTES = 18;

/** Where the login of a client by SASL is: under way, done, or refused for a reason. */
export type Outcome = { kind: 'going on' } | { kind: 'done' } | { kind: 'refused'; reason: string };

const GOING_ON: Outcome = { kind: 'going on' };

/** SASL (RFC 6120, section 6), from the side of the clients. */
export class Authentication {
  readonly #settings: XmppSettings;
  readonly #addresses: Addresses;
  readonly #passwords = new SaltedPasswords();
  /** Of those clients that are logging in by SCRAM. */
  readonly #exchanges = new Map<number, ScramExchange>();

  constructor(settings: XmppSettings, addresses: Addresses) {
    this.#settings = settings;
    this.#addresses = addresses;
  }

  /** @param features of the stream */
  begin(client: number, features: XmlElement, out: Output): Outcome {
    const mechanism = this.#choose(features);
    if (!mechanism) return { kind: 'refused', reason: 'NoMechanism' };
    const text = mechanism === 'PLAIN' ? this.#plain(client) : this.#beginScram(client, mechanism);
    const response = Buffer.from(text).toString('base64');
    out.writeText(`<auth xmlns='${Namespace.Sasl}' mechanism='${mechanism}'>${response}</auth>`);
    return GOING_ON;
  }

  /** @param element of SASL */
  take(client: number, element: XmlElement, out: Output): Outcome {
    const exchange = this.#exchanges.get(client);
    const text = Buffer.from(element.text, 'base64').toString();
    switch (element.name) {
      case 'challenge': {
        const answer = Buffer.from(exchange?.answer(text) ?? '').toString('base64');
        out.writeText(`<response xmlns='${Namespace.Sasl}'>${answer}</response>`);
        return GOING_ON;
      }
      case 'success':
        if (exchange && !exchange.isProven) exchange.prove(text);
        this.#exchanges.delete(client);
        return { kind: 'done' };
      case 'failure':
        return { kind: 'refused', reason: reasonOf(element) };
      default:
        return GOING_ON;
    }
  }

  forget(client: number): void {
    this.#exchanges.delete(client);
  }

  #choose(features: XmlElement): Mechanism | undefined {
    const offered = childOf(features, Namespace.Sasl, 'mechanisms')?.children.map(({ text }) => text.trim());
    const wanted = MECHANISMS.filter((name) => ['auto', name].includes(this.#settings.mechanism));
    return wanted.find((name) => offered?.includes(name));
  }

  #plain(client: number): string {
    return `\0${this.#addresses.userName(client)}\0${this.#addresses.password(client)}`;
  }

  #beginScram(client: number, mechanism: Mechanism): string {
    const exchange = new ScramExchange(
      mechanism === 'SCRAM-SHA-1' ? 'sha1' : 'sha256',
      this.#addresses.userName(client),
      this.#addresses.password(client),
      randomBytes(NONCE_BYTES).toString('base64'),
      this.#passwords,
    );
    this.#exchanges.set(client, exchange);
    return exchange.first();
  }
}
