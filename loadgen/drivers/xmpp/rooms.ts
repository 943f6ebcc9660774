import type { Output } from '../driver.js';
import type { Addresses } from './addresses.js';
import { errorIn, reasonOf } from './conditions.js';
import { Namespace } from './namespaces.js';
import { childOf, type XmlElement } from './xml-element.js';

/** Of a presence: it is one's own; and one has just made the room (XEP-0045, section 15.6). */
const OWN = '110';
const MADE = '201';

/** While its maker has not unlocked a room nobody else finds it: asked again at once, for so many times. */
const MOST_TRIES = 100;

/** Whether a client is in its room. `Making`: it has made it, and the server has yet to unlock it. */
const Place = { Outside: 0, Joining: 1, Making: 2, Inside: 3 } as const;

/** What becomes of a client through what its room says. */
export type RoomResult =
  | { kind: 'nothing' }
  | { kind: 'inside' }
  | { kind: 'lost'; reason: string }
  /** Stanzas were written. */
  | { kind: 'answered' };

const NOTHING: RoomResult = { kind: 'nothing' };

/** Groups are rooms (XEP-0045): each member enters before it counts as logged in; the first one there makes the room. */
export class Rooms {
  readonly #addresses: Addresses;
  readonly #place: Uint8Array;
  readonly #tries = new Map<number, number>();

  constructor(addresses: Addresses, clients: number) {
    this.#addresses = addresses;
    this.#place = new Uint8Array(clients);
  }

  /** One stanza. What was said before it enters is none of its business. */
  enter(client: number, out: Output): void {
    this.#place[client] = Place.Joining;
    const place = this.#addresses.occupantAddress(client);
    out.writeText(
      `<presence to='${place}'><x xmlns='${Namespace.Room}'><history maxstanzas='0'/></x></presence>`,
    );
  }

  /** @param presence that has come */
  takePresence(client: number, presence: XmlElement, out: Output): RoomResult {
    if (presence.attributes.get('from') !== this.#addresses.occupantAddress(client)) {
      // Errors may come from the room as well.
      const isOfRoom = presence.attributes.get('from') === this.#roomOf(client);
      if (!isOfRoom || presence.attributes.get('type') !== 'error') return NOTHING;
    }
    const type = presence.attributes.get('type');
    const place = this.#place[client];
    if (type === 'error') return place === Place.Joining ? this.#refused(client, presence, out) : NOTHING;
    if (type === 'unavailable') return place === Place.Outside ? NOTHING : lost('LeftRoom');
    const codes = statusesOf(presence);
    if (place !== Place.Joining || !codes.includes(OWN)) return NOTHING;
    if (!codes.includes(MADE)) return this.#enter(client);
    this.#place[client] = Place.Making;
    // As it is: an instant room (section 10.1.2).
    out.writeText(
      `<iq type='set' id='room' to='${this.#roomOf(client)}'><query xmlns='${Namespace.RoomOwner}'><x xmlns='${Namespace.Form}' type='submit'/></query></iq>`,
    );
    return { kind: 'answered' };
  }

  /** @param answer to the request that has the id `room` */
  takeAnswer(client: number, answer: XmlElement): RoomResult {
    if (this.#place[client] !== Place.Making) return NOTHING;
    if (answer.attributes.get('type') === 'error') return lost(`Room${reasonOf(errorIn(answer))}`);
    return this.#enter(client);
  }

  forget(client: number): void {
    this.#place[client] = Place.Outside;
    this.#tries.delete(client);
  }

  #enter(client: number): RoomResult {
    this.#place[client] = Place.Inside;
    this.#tries.delete(client);
    return { kind: 'inside' };
  }

  #refused(client: number, presence: XmlElement, out: Output): RoomResult {
    const reason = reasonOf(errorIn(presence));
    const tries = (this.#tries.get(client) ?? 0) + 1;
    if (reason !== 'ItemNotFound' || tries > MOST_TRIES) return lost(`Room${reason}`);
    this.#tries.set(client, tries);
    this.enter(client, out);
    return { kind: 'answered' };
  }

  #roomOf(client: number): string {
    return this.#addresses.roomAddress(this.#addresses.firstOfGroup(client));
  }
}

function statusesOf(presence: XmlElement): (string | undefined)[] {
  const about = childOf(presence, Namespace.RoomUser, 'x');
  return (
    about?.children.filter(({ name }) => name === 'status').map((each) => each.attributes.get('code')) ?? []
  );
}

function lost(reason: string): RoomResult {
  return { kind: 'lost', reason };
}
