import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerConfigInput } from '../../server/config.js';
import { budgetOf, memoryBudget } from '../memory-budget.js';
import { type AbuseCase, SHAPES, type ShapeName } from './abuse-case.js';
import type { AttackOrder } from './attack-context.js';
import type { BystanderOrder, BystanderReport } from './bystanders.js';
import { startChild } from './child.js';
import { makeScratchFolder } from './scratch-folder.js';
import type { TallyReport } from './tally.js';
import { startTarget, type Target } from './target.js';

const BEFORE_SECONDS = 3;
const WARM_UP_MS = 1000;
const BYSTANDERS = 40;
const MESSAGES_PER_SECOND = 200;
const PREPARE_WITHIN_MS = 120_000;
const ANSWER_WITHIN_MS = 60_000;
/** What V8 and the threads reserve to write to and do not touch: RLIMIT_DATA counts it. */
const RESERVED_BYTES = 192 * 2 ** 20;
/** The kernel's limit is there for this machine; the verdict is on the bound, which a server must not need the kernel for. */
const HARD_LIMIT_TIMES = 4;
const MIB = 2 ** 20;
/** Tight, so that what is not counted shows. */
const BUDGET_BYTES = 32 * MIB;

/** What one flood did to one server. */
export interface AbuseResult {
  seconds: number;
  memory: { beforeBytes: number; peakBytes: number; boundBytes: number; terms: string };
  /** Why the server has ended, if it has. */
  ended: string | undefined;
  /** The last line of its log where it tells of a fault. */
  lastWords: string | undefined;
  restarts: string[];
  /** False where /stats was not answered after the flood. */
  isAnswering: boolean;
  before: BystanderReport;
  during: BystanderReport;
  attacker: TallyReport & { cpuSeconds: number };
}

/** Starts a server, lets bystanders talk, floods it, and asks everybody what they saw. */
export async function runCase(each: AbuseCase, shape: ShapeName, seconds: number): Promise<AbuseResult> {
  const folder = makeScratchFolder(each.diskBytes);
  const [bystanders, attacker] = await Promise.all([startChild('bystander'), startChild('attacker')]);
  let target: Target | undefined;
  try {
    const config = configOf(each, shape, folder.path);
    const budget = memoryBudget(config);
    const mayHoldBytes = budget.bytes + (each.keptBytes ?? 0);
    await attacker.ask({ prepare: each.attack }, PREPARE_WITHIN_MS);
    target = await startTarget(config, {
      dataBytes: HARD_LIMIT_TIMES * mayHoldBytes + RESERVED_BYTES,
      openFiles: each.openFiles,
    });
    const order: BystanderOrder = {
      port: target.ports.tcp,
      users: BYSTANDERS,
      messagesPerSecond: MESSAGES_PER_SECOND,
      friendOf: each.friendOf ?? null,
    };
    await bystanders.ask({ kind: 'start', order }, ANSWER_WITHIN_MS);
    await sleep(WARM_UP_MS);
    await bystanders.ask({ kind: 'take' }, ANSWER_WITHIN_MS);
    await sleep(BEFORE_SECONDS * 1000);
    const before = await bystanders.ask<BystanderReport>({ kind: 'take' }, ANSWER_WITHIN_MS);
    const restartsBefore = (await target.stats())?.restarts.length ?? 0;
    const beforeBytes = target.watch.restart();
    const { ports, adminUrl, mediaUrl } = target;
    const attack: AttackOrder = {
      attack: each.attack,
      ports,
      adminUrl,
      mediaUrl,
      seconds: Math.max(seconds, each.leastSeconds ?? 0),
      folder: folder.path,
    };
    const told = await attacker.ask<AbuseResult['attacker']>(
      attack,
      attack.seconds * 1000 + ANSWER_WITHIN_MS,
    );
    attacker.end();
    const during = await bystanders.ask<BystanderReport>({ kind: 'finish' }, ANSWER_WITHIN_MS);
    const stats = await target.stats();
    const ended = target.ended();
    const restarts = stats?.restarts.slice(restartsBefore).map(({ reason }) => reason) ?? [];
    return {
      seconds: attack.seconds,
      memory: {
        beforeBytes,
        peakBytes: target.watch.peakBytes,
        boundBytes: beforeBytes + mayHoldBytes,
        terms:
          each.keptBytes === undefined ? budget.terms : `${budget.terms} + ${each.keptBytes / MIB} MiB kept`,
      },
      ended,
      lastWords: ended === undefined && restarts.length === 0 ? undefined : lastWords(target.log()),
      restarts,
      isAnswering: stats !== undefined,
      before,
      during,
      attacker: told,
    };
  } finally {
    bystanders.end();
    attacker.end();
    await target?.close();
    folder.remove();
  }
}

function configOf(each: AbuseCase, shape: ShapeName, folder: string): ServerConfigInput {
  const { workers, homes } = SHAPES[shape];
  const settings = each.settings?.(folder) ?? {};
  const config: ServerConfigInput = {
    listen: ['tcp://127.0.0.1:0', 'tls://127.0.0.1:0', 'ws://127.0.0.1:0'],
    workers,
    homes,
    store: each.store ?? 'lmdb',
    lmdb: { folder: join(folder, 'data'), maxBytes: 8 * 2 ** 30 },
    admin: { port: 0 },
    logLevel: 'warn',
    ...settings,
    limits: { ...budgetOf(BUDGET_BYTES), ...settings.limits },
  };
  return config;
}

/** A fault ends in the message of an error; the stack behind it says no more here. */
function lastWords(log: string[]): string | undefined {
  return log.find((line) => /Error|FATAL|fatal|terminate|abort/.test(line)) ?? log.at(-1);
}
