import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignHomes } from '../../../server/cluster/assignment.js';
import type { HomeMap, HomePlace, Peer } from '../../../server/cluster/membership.js';

const NODES = ['ash', 'birch', 'cedar', 'doug'];

interface Situation {
  homes: HomePlace[];
  peers: Map<number, Peer>;
  pins: Map<number, string>;
}

function peer(number: number, node: string, isLeaving = false): Peer {
  return { number, node, worker: 0, versions: { oldest: 1, newest: 1 }, addresses: [], isLeaving };
}

/** Homes of peers that are there, that are dead, and of nobody; some on their way; some that an operator wants somewhere. */
function situations(options: { pins: boolean; leaving: boolean }): fc.Arbitrary<Situation> {
  const peers = fc.uniqueArray(
    fc.record({
      number: fc.integer({ min: 1, max: 20 }),
      node: fc.constantFrom(...NODES),
      isLeaving: options.leaving ? fc.boolean() : fc.constant(false),
    }),
    { selector: ({ number }) => number, minLength: 1, maxLength: 10 },
  );
  const place = fc.record({
    owner: fc.integer({ min: 0, max: 22 }),
    epoch: fc.nat(9),
    state: fc.constantFrom('opening' as const, 'open' as const, 'moving' as const),
    next: fc.integer({ min: 1, max: 22 }),
  });
  const pin = options.pins ? fc.option(fc.constantFrom(...NODES, 'elm')) : fc.constant(null);
  return fc
    .record({
      peers,
      places: fc.array(fc.record({ place, pin }), { minLength: 1, maxLength: 60 }),
    })
    .map(({ peers: those, places }) => ({
      homes: places.map(({ place: { next, ...rest } }, home) =>
        rest.state === 'moving' ? { home, ...rest, next } : { home, ...rest },
      ),
      peers: new Map(those.map(({ number, node, isLeaving }) => [number, peer(number, node, isLeaving)])),
      pins: new Map(places.flatMap((entry, home) => (entry.pin ? [[home, entry.pin] as const] : []))),
    }));
}

/** Who has each home once what is under way and what is assigned has been done. */
function afterwards({ homes, peers }: Situation, targets: ReadonlyMap<number, number>): number[] {
  return homes.map((place) => targets.get(place.home) ?? holderOf(place, peers) ?? 0);
}

function holderOf(place: HomePlace, peers: ReadonlyMap<number, Peer>): number | undefined {
  const next = place.next === undefined ? undefined : peers.get(place.next);
  if (next && !next.isLeaving && peers.has(place.owner)) return next.number;
  const owner = peers.get(place.owner);
  return owner && !owner.isLeaving ? owner.number : undefined;
}

function countsOf(owners: readonly number[], numbers: readonly number[]): number[] {
  return numbers.map((number) => owners.filter((owner) => owner === number).length);
}

const assign = ({ homes, peers, pins }: Situation): Map<number, number> => assignHomes(homes, peers, pins);
const staying = ({ peers }: Situation): Peer[] => [...peers.values()].filter(({ isLeaving }) => !isLeaving);

describe('who should have which home', () => {
  it('gives each home to a peer that is there and stays', () => {
    fc.assert(
      fc.property(situations({ pins: true, leaving: true }), (situation) => {
        const numbers = staying(situation).map(({ number }) => number);
        fc.pre(numbers.length > 0);
        for (const owner of afterwards(situation, assign(situation))) expect(numbers).toContain(owner);
      }),
    );
  });

  it('leaves nobody with two homes more than another', () => {
    fc.assert(
      fc.property(situations({ pins: false, leaving: true }), (situation) => {
        const numbers = staying(situation).map(({ number }) => number);
        fc.pre(numbers.length > 0);
        const counts = countsOf(afterwards(situation, assign(situation)), numbers);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('keeps a home where an operator wants it while that node is there, and shares out the others around it', () => {
    fc.assert(
      fc.property(situations({ pins: true, leaving: true }), (situation) => {
        const stay = staying(situation);
        fc.pre(stay.length > 0);
        const owners = afterwards(situation, assign(situation));
        const isHeld = (home: number): boolean => stay.some(({ node }) => node === situation.pins.get(home));
        for (const [home, node] of situation.pins)
          if (isHeld(home)) expect(situation.peers.get(owners[home] as number)?.node).toBe(node);
        // Whoever has homes that may move has at most one more than anybody else.
        const counts = new Map(
          stay.map(({ number }) => [number, owners.filter((each) => each === number).length]),
        );
        const least = Math.min(...counts.values());
        for (const [home, owner] of owners.entries())
          if (!isHeld(home)) expect((counts.get(owner) as number) - least).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('moves no more homes than have to move', () => {
    fc.assert(
      fc.property(situations({ pins: false, leaving: true }), (situation) => {
        const numbers = staying(situation).map(({ number }) => number);
        fc.pre(numbers.length > 0);
        const { homes, peers } = situation;
        const holders = homes.map((place) => holderOf(place, peers) ?? 0);
        const moved = [...assign(situation).keys()].filter((home) => holders[home] !== 0).length;
        // As many as the best share-out needs: the larger shares stay with those that have most.
        const counts = countsOf(holders, numbers).sort((a, b) => b - a);
        const [floor, rest] = [Math.floor(homes.length / numbers.length), homes.length % numbers.length];
        const needed = counts.reduce(
          (sum, count, at) => sum + Math.max(0, count - floor - (at < rest ? 1 : 0)),
          0,
        );
        expect(moved).toBe(needed);
      }),
    );
  });

  it('asks nothing of homes that are where they should be', () => {
    fc.assert(
      fc.property(situations({ pins: true, leaving: true }), (situation) => {
        const owners = afterwards(situation, assign(situation));
        const homes: HomeMap = owners.map((owner, home) => ({ home, owner, epoch: 1, state: 'open' }));
        fc.pre(staying(situation).length > 0);
        expect(assignHomes(homes, situation.peers, situation.pins).size).toBe(0);
      }),
    );
  });

  it('is the same whatever the order is in which peers became known', () => {
    fc.assert(
      fc.property(situations({ pins: true, leaving: true }), (situation) => {
        const peers = new Map([...situation.peers].reverse());
        expect([...assign({ ...situation, peers })]).toEqual([...assign(situation)]);
      }),
    );
  });

  it('leaves everything where it is when nobody stays', () => {
    const homes: HomeMap = [{ home: 0, owner: 1, epoch: 1, state: 'open' }];
    expect(assignHomes(homes, new Map([[1, peer(1, 'ash', true)]]), new Map()).size).toBe(0);
  });
});
