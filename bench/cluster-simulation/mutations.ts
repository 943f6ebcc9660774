import type { LeaseTable, TableListener } from '../../server/cluster/lease-table.js';

/**
 * Faults that are put in on purpose, to see that what is checked can fail: homes are opened without fencing their logs, or
 * with a fence that is shorter than what an owner may have under way; homes are claimed without compare-and-set; peers take their own beats for seen while the table stands still;
 * what is delivered by whoever may have lost a home is not marked.
 */
export type Mutation = 'no-fence' | 'short-fence' | 'no-compare' | 'no-stall-rule' | 'no-marks';

export function mutated(table: LeaseTable, mutation: Mutation | undefined): LeaseTable {
  if (mutation === 'no-compare') return withoutCompare(table);
  if (mutation === 'no-stall-rule') return withoutStallRule(table);
  return table;
}

function delegate(table: LeaseTable): LeaseTable {
  return {
    get isConnected() {
      return table.isConnected;
    },
    put: (key, value, done) => table.put(key, value, done),
    create: (key, value, done) => table.create(key, value, done),
    update: (key, value, revision, done) => table.update(key, value, revision, done),
    delete: (key, revision, done) => table.delete(key, revision, done),
    watch: (listener) => table.watch(listener),
  };
}

function withoutCompare(table: LeaseTable): LeaseTable {
  const mutant = delegate(table);
  mutant.create = (key, value, done) =>
    key.startsWith('home.') ? table.put(key, value, done) : table.create(key, value, done);
  mutant.update = (key, value, revision, done) =>
    key.startsWith('home.') ? table.put(key, value, done) : table.update(key, value, revision, done);
  return mutant;
}

function withoutStallRule(table: LeaseTable): LeaseTable {
  const mutant = delegate(table);
  let heard: TableListener | undefined;
  mutant.watch = (listener) => {
    heard = listener;
    return table.watch(listener);
  };
  mutant.update = (key, value, revision, done) => {
    table.update(key, value, revision, key.startsWith('peer.') ? ignored : done);
    if (!key.startsWith('peer.')) return;
    queueMicrotask(() => {
      heard?.changed({ key, value, revision });
      done({ kind: 'unknown', reason: 'nobody was asked' });
    });
  };
  return mutant;
}

function ignored(): void {
  // It was taken for done at once.
}
