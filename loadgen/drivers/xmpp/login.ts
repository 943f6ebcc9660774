import type { XmppSettings } from '../../../scenarios/drivers/xmpp-schema.js';
import { type ClientEvents, type Output, ProtocolViolation } from '../driver.js';
import type { Addresses } from './addresses.js';
import { Authentication, type Outcome } from './authentication.js';
import { errorIn, reasonOf } from './conditions.js';
import { Namespace } from './namespaces.js';
import type { Resumption } from './resumption.js';
import { childOf, escapeXml, type XmlElement } from './xml-element.js';

/** What is awaited of the server. */
const Step = {
  Idle: 0,
  Header: 1,
  Features: 2,
  Proceed: 3,
  Handshake: 4,
  Registration: 5,
  Authentication: 6,
  Binding: 7,
  Resuming: 8,
} as const;

/** What has been reached on the connection. */
const Reached = { Tls: 1, Authentication: 2 } as const;

/** What becomes of a client through what the server says: nothing yet, a session, the one that it had, or an end. */
export type LoginResult =
  | { kind: 'going on' }
  | { kind: 'bound' }
  | { kind: 'resumed'; answer: XmlElement }
  | { kind: 'refused'; reason: string };

const GOING_ON: LoginResult = { kind: 'going on' };

/** From the connection to a bound resource: TLS, registration, SASL, binding (RFC 6120, sections 4 to 7; XEP-0077). */
export class Login {
  readonly #settings: XmppSettings;
  readonly #addresses: Addresses;
  readonly #events: ClientEvents;
  readonly #authentication: Authentication;
  readonly #resumption: Resumption | undefined;
  readonly #header: string;
  readonly #bind: string;
  readonly #step: Uint8Array;
  readonly #reached: Uint8Array;
  readonly #isRegistered: Uint8Array;
  /** Of clients that are being registered: what the stream offers behind that. */
  readonly #features = new Map<number, XmlElement>();

  constructor(
    settings: XmppSettings,
    addresses: Addresses,
    clients: number,
    events: ClientEvents,
    resumption: Resumption | undefined,
  ) {
    this.#settings = settings;
    this.#addresses = addresses;
    this.#events = events;
    this.#resumption = resumption;
    this.#authentication = new Authentication(settings, addresses);
    this.#header = `<?xml version='1.0'?><stream:stream xmlns='${Namespace.Client}' xmlns:stream='${Namespace.Streams}' to='${settings.domain}' version='1.0'>`;
    this.#bind = `<iq type='set' id='bind'><bind xmlns='${Namespace.Bind}'><resource>${escapeXml(settings.resource)}</resource></bind></iq>`;
    this.#step = new Uint8Array(clients);
    this.#reached = new Uint8Array(clients);
    this.#isRegistered = new Uint8Array(clients);
  }

  /** The connection stands, or is enciphered now. */
  begin(client: number, out: Output): void {
    this.#step[client] = Step.Header;
    out.writeText(this.#header);
  }

  secured(client: number, out: Output): void {
    this.#reached[client] = Reached.Tls;
    this.begin(client, out);
  }

  /** The next bytes have to be those of a handshake. */
  isStartingTls(client: number): boolean {
    return this.#step[client] === Step.Handshake;
  }

  awaitsHeader(client: number): boolean {
    return this.#step[client] === Step.Header;
  }

  /** @throws ProtocolViolation where the server speaks something else */
  takeHeader(client: number, { name, namespace, attributes }: XmlElement): void {
    if (name !== 'stream' || namespace !== Namespace.Streams)
      throw new ProtocolViolation('NotXmpp', `it begins with <${name}> instead of a stream`);
    // All that follows is read with these; RFC 6120 lets a server choose others, and no one does.
    if (attributes.get('xmlns') !== Namespace.Client || attributes.get('xmlns:stream') !== Namespace.Streams)
      throw new ProtocolViolation(
        'StreamNamespaces',
        'a stream whose default namespace is not jabber:client',
      );
    this.#step[client] = Step.Features;
  }

  /** Takes what the server says until the session is bound. */
  take(client: number, element: XmlElement, out: Output): LoginResult {
    const step = this.#step[client];
    const { name, namespace } = element;
    if (step === Step.Features && name === 'features' && namespace === Namespace.Streams)
      return this.#takeFeatures(client, element, out);
    if (step === Step.Proceed && namespace === Namespace.Tls) return this.#takeProceed(client, name);
    if (step === Step.Authentication && namespace === Namespace.Sasl)
      return this.#follow(client, this.#authentication.take(client, element, out), out);
    if (step === Step.Resuming && namespace === Namespace.Management)
      return this.#takeResumption(client, element, out);
    if (namespace !== Namespace.Client || name !== 'iq') return GOING_ON;
    const id = element.attributes.get('id');
    if (step === Step.Registration && id === 'register') return this.#takeRegistration(client, element, out);
    if (step === Step.Binding && id === 'bind') return this.#takeBinding(client, element);
    return GOING_ON;
  }

  /** Nothing of the connection is true any more. */
  forget(client: number): void {
    this.#step[client] = Step.Idle;
    this.#reached[client] = 0;
    this.#features.delete(client);
    this.#authentication.forget(client);
  }

  #takeFeatures(client: number, features: XmlElement, out: Output): LoginResult {
    const reached = this.#reached[client] as number;
    if ((reached & Reached.Authentication) !== 0) return this.#beginSession(client, features, out);
    const { startTls } = this.#settings;
    const offer = childOf(features, Namespace.Tls, 'starttls');
    if ((reached & Reached.Tls) === 0) {
      if (offer && startTls !== 'never') {
        this.#step[client] = Step.Proceed;
        out.writeText(`<starttls xmlns='${Namespace.Tls}'/>`);
        return GOING_ON;
      }
      if (offer && childOf(offer, Namespace.Tls, 'required')) return refused('StartTlsRequired');
      if (startTls === 'required') return refused('NoStartTls');
    }
    if (this.#settings.register && this.#isRegistered[client] === 0)
      return this.#register(client, features, out);
    return this.#authenticate(client, features, out);
  }

  #takeProceed(client: number, name: string): LoginResult {
    if (name !== 'proceed') return refused('StartTlsFailed');
    this.#step[client] = Step.Handshake;
    return this.#events.startTls?.(client) ? GOING_ON : refused('StartTlsOverPackets');
  }

  #register(client: number, features: XmlElement, out: Output): LoginResult {
    this.#step[client] = Step.Registration;
    this.#features.set(client, features);
    const name = this.#addresses.userName(client);
    const password = escapeXml(this.#addresses.password(client));
    out.writeText(
      `<iq type='set' id='register'><query xmlns='${Namespace.Register}'><username>${name}</username><password>${password}</password></query></iq>`,
    );
    return GOING_ON;
  }

  #takeRegistration(client: number, answer: XmlElement, out: Output): LoginResult {
    const features = this.#features.get(client) as XmlElement;
    this.#features.delete(client);
    const reason = answer.attributes.get('type') === 'error' ? reasonOf(errorIn(answer)) : undefined;
    // A user of an earlier run is there already.
    if (reason !== undefined && reason !== 'Conflict') return refused(`Register${reason}`);
    this.#isRegistered[client] = 1;
    return this.#authenticate(client, features, out);
  }

  #authenticate(client: number, features: XmlElement, out: Output): LoginResult {
    this.#step[client] = Step.Authentication;
    return this.#follow(client, this.#authentication.begin(client, features, out), out);
  }

  #follow(client: number, outcome: Outcome, out: Output): LoginResult {
    if (outcome.kind !== 'done') return outcome;
    this.#reached[client] = (this.#reached[client] as number) | Reached.Authentication;
    this.begin(client, out);
    return GOING_ON;
  }

  #beginSession(client: number, features: XmlElement, out: Output): LoginResult {
    if (!childOf(features, Namespace.Bind, 'bind')) return refused('NoBinding');
    if (this.#settings.streamManagement && !childOf(features, Namespace.Management, 'sm'))
      return refused('NoStreamManagement');
    if (!this.#resumption?.mayResume(client)) return this.#bindResource(client, out);
    this.#step[client] = Step.Resuming;
    this.#resumption.ask(client, out);
    return GOING_ON;
  }

  #takeResumption(client: number, answer: XmlElement, out: Output): LoginResult {
    if (answer.name === 'resumed') {
      this.#step[client] = Step.Idle;
      return { kind: 'resumed', answer };
    }
    if (answer.name !== 'failed') return GOING_ON;
    this.#resumption?.failed(client, answer);
    return this.#bindResource(client, out);
  }

  #bindResource(client: number, out: Output): LoginResult {
    this.#step[client] = Step.Binding;
    out.writeText(this.#bind);
    return GOING_ON;
  }

  #takeBinding(client: number, answer: XmlElement): LoginResult {
    if (answer.attributes.get('type') === 'error') return refused(reasonOf(errorIn(answer)));
    this.#step[client] = Step.Idle;
    return { kind: 'bound' };
  }
}

function refused(reason: string): LoginResult {
  return { kind: 'refused', reason };
}
