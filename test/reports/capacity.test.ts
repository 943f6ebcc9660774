import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scalabilityOf } from '../../lab/capacity/scalability-of.js';
import { type Capacity, capacitySchema, capacityText, readCapacity } from '../../record/capacity.js';
import type { RunRecord } from '../../record/run.js';
import { throughputAt } from '../../record/scalability/scalability-law.js';
import { capacityForTerminal, trialLine } from '../../reports/capacity/capacity-text.js';
import { conclusionOf } from '../../reports/capacity/conclusion.js';
import { resourceWords } from '../../reports/capacity/resource.js';
import { scalabilityWords } from '../../reports/capacity/scalability-words.js';
import { capacityPage } from '../../reports/html/capacity-page.js';
import { writeCapacity } from '../../reports/write-capacity.js';
import { capacityFixture, searchFixture, trialFixture } from '../fixtures/capacity.js';
import { recordFixture, writeRecordFolder } from '../fixtures/record.js';
import { testFolder } from '../support/folder.js';

/** A folder as a search leaves it: the trial that broke at full length has a record. */
async function searchedFolder(capacity: Capacity = capacityFixture()): Promise<string> {
  const folder = testFolder();
  const record = await writeRecordFolder(recordFixture());
  await mkdir(join(folder, '012'));
  await cp(record, join(folder, '012'), { recursive: true });
  await rm(record, { recursive: true });
  await writeFile(join(folder, 'capacity.json'), capacityText(capacity));
  return folder;
}

const SIX_SEARCHES = [1, 2, 3, 4, 6, 8].map((workers, at) => {
  const law = { perSecond: 2000, contention: 0.08, coherency: 0.01 };
  const level = throughputAt(law, workers) * (1 + 0.01 * Math.sin(at * 5));
  return searchFixture({ workers, holds: { level, length: 'full', verdict: 'held' } });
});

describe('what a search found, in one sentence', () => {
  const because = {
    gates: 'latency.delivered.p99 < 250ms: 1.2 s',
    first: 'First to give way: delivered latency.',
    queue: 'the queue outbound fell 1.3 s behind',
    resource: 'the CPU of the host was used up: server 1.10, agents 0.85 of 2 cores',
  };
  const said = (change: Parameters<typeof searchFixture>[0]): string =>
    conclusionOf({ name: 'chat', find: 'messages.rate' }, searchFixture(change));

  it('names the level that holds, the one that breaks, and what gave way there', () => {
    expect(said({ because })).toBe(
      'chat holds 4,000 messages/s, and breaks at 4,088 messages/s because latency.delivered.p99 < 250ms: 1.2 s; ' +
        'the queue outbound fell 1.3 s behind, and the CPU of the host was used up: server 1.10, agents 0.85 of 2 cores.',
    );
  });

  it('tells a lab that gave way as that, and never as what the server holds', () => {
    const words = said({
      end: 'lab',
      breaks: { level: 4088, length: 'full', verdict: 'lab' },
      because: { ...because, gates: 'messages left 230 ms late (p99)' },
    });
    expect(words).toContain('holds at least 4,000 messages/s');
    expect(words).toContain('the lab gave way first, not the server (messages left 230 ms late (p99))');
    expect(words).not.toContain('breaks');
    expect(said({ end: 'lab', holds: null, because })).toContain('Nothing is known of the server');
  });

  it('tells what was not looked for, or not found', () => {
    expect(said({ end: 'most', breaks: null })).toContain('4,000 messages/s, the most that was asked for');
    expect(said({ end: 'least', holds: null, because })).toContain(
      'does not hold 4,088 messages/s, the least that was tried',
    );
    expect(
      said({
        end: 'stopped',
        whyStopped: 'it was interrupted',
        holds: { level: 2000, length: 'short', verdict: 'held' },
        breaks: null,
      }),
    ).toBe(
      'chat: the search was not finished, as it was interrupted; 2,000 messages/s held in a short trial.',
    );
  });

  it('says how many workers, where that was looked into', () => {
    expect(said({ workers: 4, end: 'most' })).toContain('chat with 4 workers holds');
    expect(said({ workers: 1, end: 'most' })).toContain('chat with 1 worker holds');
    expect(said({ nodes: 2, end: 'most' })).toContain('chat with 2 nodes holds');
  });
});

describe('the resource that gave way', () => {
  /** A run on two cores: what the whole host used, and the server. */
  const used = (host: number, server: number, alter: (record: RunRecord) => void = () => undefined) => {
    const { record, samples } = recordFixture((each) => {
      each.environment.cores = 2;
      alter(each);
    });
    samples.forEach((sample, at) => {
      sample.kernel.busySeconds = 1000 + at * host;
      if (sample.server) sample.server.cpu = server;
      sample.generator.cpu = 0.3;
    });
    return resourceWords(record, samples);
  };

  it('is the CPU of the host, with who used it', () => {
    expect(used(2, 1.4)).toMatch(
      /^the CPU of the host was used up: server 1\.40, agents 0\.30, others 0\.30 of 2 cores$/,
    );
  });

  it('is not the server’s doing where others took most of it', () => {
    expect(used(2, 0.2)).toBe(
      'the CPU of the host was used up, most of it by others: server 0.20, agents 0.30, others 1.50 of 2 cores',
    );
  });

  it('is the one core that a process can use, where the host has others left', () => {
    const one = (record: RunRecord): void => {
      record.target.serverWorkers = 1;
    };
    expect(used(1.3, 0.97, one)).toContain(
      'the one process of the server had a core’s worth to do (0.97 cores)',
    );
    const four = (record: RunRecord): void => {
      record.target.serverWorkers = 4;
    };
    expect(used(1.3, 0.97, four)).not.toContain('core’s worth');
  });

  it('is the memory of the host, or none', () => {
    expect(used(0.6, 0.2)).toContain(
      'no resource of the host was used up (server 0.20, agents 0.30, others 0.10 of 2 cores)',
    );
    const small = (record: RunRecord): void => {
      record.environment.memoryBytes = 1e12;
    };
    expect(used(0.6, 0.2, small)).toBe('the memory of the host was used up in the phase talk');
  });
});

describe('a search, rendered', () => {
  it('has the queue and the resource from the record of the trial that broke', async () => {
    const folder = await searchedFolder();
    const { capacity } = await writeCapacity(folder, await readCapacity(folder));
    expect(capacitySchema.parse(JSON.parse(await readFile(join(folder, 'capacity.json'), 'utf8')))).toEqual(
      capacity,
    );
    const [search] = capacity.searches;
    expect(search?.because?.gates).toBe('latency.delivered.p99 < 250ms: 1.2 s');
    expect(search?.because?.first).toMatch(/^First to /);
    expect(search?.because?.resource).toEqual(expect.any(String));
    expect(search?.conclusion).toMatch(
      /^chat holds 4,000 messages\/s, and breaks at 4,088 messages\/s because /,
    );
    // From the folder alone it is made again, to the letter.
    const again = await writeCapacity(folder, await readCapacity(folder));
    expect(again.capacity).toEqual(capacity);
  });

  it('is one page that runs and fetches nothing, with every trial and a link to its report', () => {
    const page = capacityPage(capacityFixture());
    expect(page).not.toMatch(/<script|src=|url\(|@import|https?:\/\/(?!www\.w3\.org)/);
    expect(page.match(/<a href="\d{3}\/report\.html">/g)).toHaveLength(12);
    for (const width of ['wide', 'narrow'])
      expect(page.match(new RegExp(`<svg class="still ${width}"`, 'g')), width).toHaveLength(2);
    for (const words of ['holds 4,000', 'latency.delivered.p99 &lt; 250ms', 'left out: it tells how much'])
      expect(page).toContain(words);
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('is drawn of whatever was measured, be it one trial, or nothing', () => {
    const nothing = trialFixture(1, 500, {
      verdict: 'stopped',
      folder: null,
      deliveredPerSecond: null,
      offeredPerSecond: null,
      latencyP50Ms: null,
      latencyP99Ms: null,
      connectionsPeak: null,
    });
    for (const trials of [[], [nothing], [trialFixture(1, 500)]]) {
      const stopped = searchFixture({ end: 'stopped', holds: null, breaks: null, trials });
      expect(capacityPage(capacityFixture({ searches: [stopped] }))).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  it('shows what others wrote, and does not obey it', () => {
    const page = capacityPage(
      capacityFixture({ name: '<script>alert(1)</script>', until: ['"><img src=x>'] }),
    );
    expect(page).not.toMatch(/<script|<img/);
  });

  it('stands in a terminal with each trial and why it broke', () => {
    const text = capacityForTerminal(capacityFixture(), 'runs/mine', false);
    expect(text).toMatch(/^ {2}5 +8,000 +4,050 .*broke {2}latency\.delivered\.p99 < 250ms: 1\.2 s$/m);
    expect(text).toContain('! left out, as it tells how much load there has to be: connections.peak >= 5000');
    expect(text).toContain('Report  runs/mine/capacity.html');
    const refusing = { missed: [{ expression: 'messages.refused == 0', value: 1234 }] };
    expect(trialLine('clients.count', trialFixture(3, 4757, refusing))).toBe(
      'broke: 4,757 clients, 4,050/s arrived, p99 1.2 s (1,234 messages were refused)',
    );
    expect(trialLine('messages.rate', trialFixture(3, 4757))).toBe(
      'broke: 4,757 messages/s, 4,050/s arrived, p99 1.2 s (latency.delivered.p99 < 250ms: 1.2 s)',
    );
  });
});

describe('levels over the workers', () => {
  it('are drawn with the law and its confidence from six on', () => {
    const capacity = capacityFixture({ searches: SIX_SEARCHES, scalability: scalabilityOf(SIX_SEARCHES) });
    const [law] = scalabilityWords(capacity);
    expect(law).toMatch(/one worker brings 1,\d{3} messages\/s|one worker brings 2,\d{3} messages\/s/);
    const page = capacityPage(capacity);
    expect(page).toContain('class="band"');
    for (const width of ['wide', 'narrow'])
      expect(page.match(new RegExp(`<svg class="still ${width}"`, 'g')), width).toHaveLength(13);
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('or over the nodes are told in those words, and what was not measured is drawn apart', () => {
    const searches = SIX_SEARCHES.map(({ workers, ...search }) => ({
      ...search,
      workers: null,
      nodes: workers,
    }));
    const capacity = capacityFixture({ searches, scalability: scalabilityOf(searches) });
    expect(scalabilityWords(capacity).join(' ')).toMatch(
      /one node brings .* which nodes wait for each other/,
    );
    const page = capacityPage(capacity);
    expect(page).toContain('<h2>Over the nodes</h2>');
    expect(page).toContain('What holds, by the number of nodes');
    const section = page.slice(page.indexOf('id="scalability"'));
    const [chart] = /<svg class="still wide"[\s\S]*?<\/svg>/.exec(section) as RegExpExecArray;
    expect(chart.match(/<polyline class="plain"[^>]*stroke-dasharray/g)).toHaveLength(1);
    expect(chart.match(/<polyline class="plain"/g)).toHaveLength(2);
    expect(page).not.toContain('worker');
  });

  it('have no law where fewer were found, and it is said how many there have to be', () => {
    const searches = SIX_SEARCHES.map((search, at) =>
      at === 5 ? { ...search, end: 'lab' as const } : search,
    );
    const scalability = scalabilityOf(searches);
    expect(scalability.fit).toBeNull();
    expect(scalabilityWords(capacityFixture({ searches, scalability }))).toEqual([
      'No law is fitted to these levels: 5 levels are too few for a law of 3 parameters; measure at least 6 (of 1 of 6 the limit was not found).',
    ]);
  });
});
