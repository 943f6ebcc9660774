import type { HomeMap, HomePlace, Peer } from './membership.js';

/** Who may be given homes, and has how many of them. */
interface Seat {
  readonly number: number;
  readonly node: string;
  /** Homes that an operator wants where they are. */
  pinned: number;
  /** Homes that may move, those that are on their way to it among them. */
  held: HomePlace[];
}

/**
 * Who should have the homes that are not where they should be: those that nobody has, and those whose owner leaves, has too many,
 * or is not on the node where an operator wants them. Afterwards peers differ by one home at most, except for what operators
 * want, with as few moves as that takes. The same for the same input, whoever asks.
 * @param pins node by home; where nobody of that node can take it, the home is like any other
 * @returns number of a peer by home; homes that stay are not in it
 */
export function assignHomes(
  homes: HomeMap,
  peers: ReadonlyMap<number, Peer>,
  pins: ReadonlyMap<number, string>,
): Map<number, number> {
  const result = new Map<number, number>();
  const seats = seatsOf(peers);
  if (seats.length === 0) return result;
  const free = seatHomes(homes, peers, seats, pins, result);
  const quotas = shareOut(seats, free.length);
  const surplus = seats.flatMap((seat, at) => takeSurplus(seat, quotas[at] as number));
  // One each in turn: those who come to have many get them from all sides at once.
  const hungry = seats
    .map((seat, at) => ({ seat, wants: (quotas[at] as number) - seat.held.length }))
    .filter(({ wants }) => wants > 0);
  let turn = 0;
  for (const { home } of [...free, ...surplus]) {
    const at = turn % hungry.length;
    const receiver = hungry[at] as (typeof hungry)[number];
    result.set(home, receiver.seat.number);
    receiver.wants -= 1;
    if (receiver.wants === 0) hungry.splice(at, 1);
    else turn = at + 1;
  }
  return result;
}

/** Whoever has fewest homes and could take one more. @param except the peer that asks */
export function fewestHomes(
  homes: HomeMap,
  peers: ReadonlyMap<number, Peer>,
  except: number,
): number | undefined {
  const seats = seatsOf(peers).filter(({ number }) => number !== except);
  const counts = new Map(seats.map(({ number }) => [number, 0]));
  for (const place of homes) {
    const count = counts.get(place.owner);
    if (count !== undefined) counts.set(place.owner, count + 1);
  }
  let fewest: [number, number] | undefined;
  for (const entry of counts) if (!fewest || entry[1] < fewest[1]) fewest = entry;
  return fewest?.[0];
}

function seatsOf(peers: ReadonlyMap<number, Peer>): Seat[] {
  const seats: Seat[] = [];
  for (const { number, node, isLeaving } of peers.values())
    if (!isLeaving) seats.push({ number, node, pinned: 0, held: [] });
  return seats.sort((a, b) => a.number - b.number);
}

/** @returns homes that nobody has who could keep them */
function seatHomes(
  homes: HomeMap,
  peers: ReadonlyMap<number, Peer>,
  seats: readonly Seat[],
  pins: ReadonlyMap<number, string>,
  result: Map<number, number>,
): HomePlace[] {
  // Hot where a cluster is large: an array is much faster than a map.
  const byNumber: (Seat | undefined)[] = [];
  for (const seat of seats) byNumber[seat.number] = seat;
  const nodes = new Set(seats.map(({ node }) => node));
  const free: HomePlace[] = [];
  const misplaced: { place: HomePlace; node: string }[] = [];
  for (const place of homes) {
    // On its way it counts where it goes to, as long as there is somebody to send it.
    const isOnItsWay = place.next !== undefined && peers.has(place.owner);
    const holder = (isOnItsWay ? byNumber[place.next as number] : undefined) ?? byNumber[place.owner];
    const node = pins.size === 0 ? undefined : pins.get(place.home);
    if (node === undefined || !nodes.has(node)) {
      if (holder) holder.held.push(place);
      else free.push(place);
    } else if (holder?.node === node) holder.pinned += 1;
    else misplaced.push({ place, node });
  }
  for (const { place, node } of misplaced) {
    const seat = seats.filter((each) => each.node === node).reduce((a, b) => (total(b) < total(a) ? b : a));
    seat.pinned += 1;
    result.set(place.home, seat.number);
  }
  return free;
}

function total({ pinned, held }: Seat): number {
  return pinned + held.length;
}

/** How many of the homes that may move each is to have: as water fills vessels whose ground is what is pinned. */
function shareOut(seats: readonly Seat[], free: number): number[] {
  const movable = seats.reduce((sum, { held }) => sum + held.length, free);
  const grounds = seats.map(({ pinned }) => pinned).sort((a, b) => a - b);
  let filled = 0;
  let sum = 0;
  let level = 0;
  // The level with so many vessels under water; one more as long as its ground is below that.
  while (filled < grounds.length && (filled === 0 || (grounds[filled] as number) <= level)) {
    sum += grounds[filled] as number;
    filled += 1;
    level = Math.floor((movable + sum) / filled);
  }
  const quotas = seats.map(({ pinned }) => Math.max(0, level - pinned));
  let rest = movable - quotas.reduce((a, b) => a + b, 0);
  // One more for those that have it already: it need not move.
  const below = seats
    .map((seat, at) => ({ at, pinned: seat.pinned, hasMore: total(seat) > level, number: seat.number }))
    .filter(({ pinned }) => pinned <= level)
    .sort((a, b) => Number(b.hasMore) - Number(a.hasMore) || a.number - b.number);
  for (const { at } of below) {
    if (rest === 0) break;
    quotas[at] = (quotas[at] as number) + 1;
    rest -= 1;
  }
  return quotas;
}

const READY_TO_MOVE = { open: 0, opening: 1, moving: 2 };

function takeSurplus(seat: Seat, quota: number): HomePlace[] {
  if (seat.held.length <= quota) return [];
  const readiest = seat.held.sort(
    (a, b) => READY_TO_MOVE[b.state] - READY_TO_MOVE[a.state] || a.home - b.home,
  );
  return readiest.splice(quota);
}
