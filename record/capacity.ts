import { constants } from 'node:fs';
import { lstat, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { RecordError } from './folder.js';
import { readTextFile } from './input-file.js';
import { printable, printableJson } from './printable.js';

/**
 * `capacity.json`: what a search for the highest level that holds has found, and from which trials. It lies in a folder
 * beside the records of those. Levels are messages a second, or clients; latencies are milliseconds.
 */

/** The files of a search, beside the folders of its trials. */
export const CAPACITY_FILES = { capacity: 'capacity.json', html: 'capacity.html' } as const;

const LARGEST_BYTES = 16 * 2 ** 20;

const count = z.number().int().nonnegative();
const figure = z.number().nullable();

const trialSchema = z.object({
  /** Of its search, from 1; the records are in folders of that name. */
  number: count,
  /** From the folder of this file; null: it left no record. */
  folder: z.string().nullable(),
  level: z.number(),
  /** `short`: to find about where the limit is; `full`: to be sure of it. */
  length: z.enum(['short', 'full']),
  /**
   * `lab`: the generator was the limit, and nothing is known of the server. `stopped`: it was ended before it could tell.
   */
  verdict: z.enum(['held', 'broke', 'lab', 'stopped']),
  /** Of its phases, as they lasted. */
  seconds: figure,
  /** Fell due a second while the phases ran, and arrived a second meanwhile; a message to a group once for each member. */
  offeredPerSecond: figure,
  deliveredPerSecond: figure,
  connectionsPeak: figure,
  latencyP50Ms: figure,
  latencyP99Ms: figure,
  serverCores: figure,
  generatorCores: figure,
  lagP99Ms: figure,
  /** Gates that did not hold, with their figures. */
  missed: z.array(z.object({ expression: z.string(), value: figure, note: z.string().optional() })),
  /** Why the generator could not do its part, or the trial could not be run. */
  faults: z.array(z.string()),
});

const levelSchema = z.object({
  level: z.number(),
  length: z.enum(['short', 'full']),
  verdict: z.enum(['held', 'broke', 'lab']),
});

/** What gave way at the lowest level that did not hold, in sentences. */
const becauseSchema = z.object({
  /** What did not hold. */
  gates: z.string(),
  /** What left its normal range first; null: the record of the trial does not tell. */
  first: z.string().nullable(),
  /** The queue that fell behind, and the resource that was used up, as far as they are known. */
  queue: z.string().nullable(),
  resource: z.string().nullable(),
});

const searchSchema = z.object({
  /** Of the server, where searches differ in that; null: as the scenario says. */
  workers: count.nullable(),
  /** Of the cluster, where searches differ in that. */
  nodes: count.nullable().default(null),
  /**
   * `found`: between two levels that are near enough. `lab`: above the level that held, or at every one,
   * the generator gave way, not the server. `most`: the highest that was asked for held. `least`: the lowest did not. `stopped`: it ended before it was done.
   */
  end: z.enum(['found', 'lab', 'most', 'least', 'stopped']),
  /** Why, of one that was stopped. */
  whyStopped: z.string().nullable(),
  /** The highest level that held, and the lowest above it that did not. */
  holds: levelSchema.nullable(),
  breaks: levelSchema.nullable(),
  because: becauseSchema.nullable(),
  /** All of it in one sentence. */
  conclusion: z.string(),
  trials: z.array(trialSchema),
});

const intervalSchema = z.object({ low: z.number(), high: z.number().nullable() });

const scalabilitySchema = z.object({
  points: z.array(z.object({ nodes: count, perSecond: z.number() })),
  /** Null: too few levels; `refused` says so. */
  fit: z
    .object({
      law: z.object({ perSecond: z.number(), contention: z.number(), coherency: z.number() }),
      probability: z.number(),
      perSecond: intervalSchema,
      contention: intervalSchema,
      coherency: intervalSchema,
      mostUseful: z.object({ nodes: figure, interval: intervalSchema }),
      spread: z.number(),
    })
    .nullable(),
  refused: z.string().nullable(),
});

export const capacitySchema = z.object({
  schema: z.literal('c2m.capacity/1'),
  /** Of the scenario. */
  name: z.string(),
  c2m: z.string(),
  startedAt: z.iso.datetime(),
  durationSeconds: z.number().nonnegative(),
  scenario: z.object({ file: z.string(), overrides: z.array(z.string()) }),
  find: z.enum(['messages.rate', 'clients.count']),
  /** With `clients.count`: the rates grow with the clients. */
  isPerClient: z.boolean(),
  /** What has to hold at a level: as it was asked for, and what holds beside it. */
  until: z.array(z.string()),
  alsoHolds: z.array(z.string()),
  /** Gates of the scenario that decide nothing here. */
  leftOut: z.array(z.object({ expression: z.string(), why: z.string() })),
  settings: z.object({
    from: z.number(),
    /** Null: there is none. */
    most: figure,
    precision: z.number(),
    trialSeconds: z.number(),
    fullSeconds: z.number(),
    mostTrials: count,
    mostSeconds: z.number(),
  }),
  /** One, or one for each number of workers or nodes. */
  searches: z.array(searchSchema),
  /** The law that the levels follow over the workers or nodes; null: there was one number of them. */
  scalability: scalabilitySchema.nullable(),
});

export type Capacity = z.infer<typeof capacitySchema>;
export type CapacitySearch = Capacity['searches'][number];
export type CapacityTrial = CapacitySearch['trials'][number];
export type Because = NonNullable<CapacitySearch['because']>;

/** How many of what the server is made of. */
export interface ServerSize {
  of: 'workers' | 'nodes';
  count: number;
}

/** Null: as the scenario says. */
export function sizeOf({ workers, nodes }: Pick<CapacitySearch, ServerSize['of']>): ServerSize | null {
  if (workers !== null) return { of: 'workers', count: workers };
  return nodes === null ? null : { of: 'nodes', count: nodes };
}

export async function holdsCapacity(folder: string): Promise<boolean> {
  return lstat(join(folder, CAPACITY_FILES.capacity)).then(
    () => true,
    () => false,
  );
}

/** @throws RecordError naming the first thing that is wrong with it, InputFileError */
export async function readCapacity(folder: string): Promise<Capacity> {
  const file = join(folder, CAPACITY_FILES.capacity);
  const text = await readTextFile(file, LARGEST_BYTES);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new RecordError(printable(`${file} is not JSON: ${(error as Error).message}`));
  }
  const parsed = capacitySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RecordError(
    printable(`${file} is not what c2m.capacity/1 says: ${issue?.path.join('.')}: ${issue?.message}`),
  );
}

/** As it is written. */
export function capacityText(capacity: Capacity): string {
  return `${printableJson(capacity, 2)}\n`;
}

/** Writes one of its files as a whole or not at all, and never through a link. */
export async function writeCapacityFile(
  folder: string,
  name: (typeof CAPACITY_FILES)[keyof typeof CAPACITY_FILES],
  text: string,
): Promise<void> {
  const file = join(folder, name);
  const unfinished = `${file}.part`;
  await rm(unfinished, { force: true });
  await writeFile(unfinished, text, { flag: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL });
  await rename(unfinished, file);
}
