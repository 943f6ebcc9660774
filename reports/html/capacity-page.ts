import { type Capacity, type CapacitySearch, sizeOf } from '../../record/capacity.js';
import { RECORD_FILES } from '../../record/folder.js';
import { END_WORDS, sizeWords } from '../capacity/conclusion.js';
import { LEVEL_HEADS, levelWords, VERDICT_OF_TRIAL, whyWords } from '../capacity/level-words.js';
import { axisOf, scalabilityWords } from '../capacity/scalability-words.js';
import { formatCount, formatMilliseconds, formatRatio, formatSeconds, NOT_MEASURED } from '../format.js';
import { latencyChart, offeredChart, scalabilityChart } from './capacity-charts.js';
import { escapeHtml, icon, table } from './markup.js';
import { CHART_STYLE } from './still-chart.js';
import { stillPage } from './still-page.js';

const OWN_STYLE = `${CHART_STYLE}
main a { color: var(--accent); }
.gates .holds li { display: block; }
.legend-words { margin-top: 6px; font-size: 13.5px; color: var(--quiet); }
.legend-words .swatch { vertical-align: middle; margin: 0 4px 0 10px; }
.legend-words .swatch:first-child { margin-left: 0; }
.outcome { display: block; min-width: 15em; }
#method dl { margin-top: 14px; }
@media print, screen and (max-width: 560px) { .outcome { display: inline; min-width: 0; } }
@media print { .still { break-inside: avoid; } .legend-words { font-size: 10.5px; break-before: avoid; } }
`;

/** What a search found, on one page without a script: the sentence, the charts, every trial, and how it was found. */
export function capacityPage(capacity: Capacity): string {
  const { name, searches } = capacity;
  const [only] = searches;
  const isOne = searches.length === 1;
  const main = [
    heroSection(capacity),
    scalabilitySection(capacity),
    ...searches.map((search) => searchSection(capacity, search, isOne)),
    methodSection(capacity),
  ];
  const title = isOne && only ? only.conclusion : `Capacity of ${name}`;
  return stillPage({ title, kind: 'capacity', style: OWN_STYLE, main: main.filter(Boolean).join('\n') });
}

function heroSection(capacity: Capacity): string {
  const { name, searches, until, alsoHolds, leftOut, find, isPerClient } = capacity;
  const [only] = searches;
  const gates = [...until, ...alsoHolds].map(
    (expression) => `<li><code>${escapeHtml(expression)}</code></li>`,
  );
  const without = leftOut.map(
    ({ expression, why }) =>
      `<li class="quiet"><code>${escapeHtml(expression)}</code> is left out: ${escapeHtml(why)}</li>`,
  );
  const what = find === 'clients.count' ? 'the most clients' : 'the most messages a second';
  return `<section class="hero panel">
<div class="claim"><h1>${escapeHtml(name)}</h1>
<p class="description">Capacity: ${what}${isPerClient ? ', each of whom writes as often as the scenario says' : ''}</p>
${searches.length === 1 && only ? claim(capacity, only) : searchTable(capacity)}</div>
<div class="gates"><h2>What has to hold</h2><ul class="holds">${gates.join('')}${without.join('')}</ul>
<p class="quiet">At every level all clients have to get in, and nothing may be lost, duplicated or corrupted.</p></div>
</section>`;
}

/** The answer, as one reads it first. */
function claim({ find }: Capacity, search: CapacitySearch): string {
  const { word, kind } = END_WORDS[search.end];
  const shown = search.holds && kind !== 'bad' ? `Holds ${levelWords(find, search.holds.level)}` : word;
  return `<p class="verdict ${kind}">${icon(kind)}<strong>${escapeHtml(shown)}</strong></p>
<p>${escapeHtml(search.conclusion)}</p>${becauseBlock(search)}`;
}

/** The answers for several numbers of workers or nodes. */
function searchTable(capacity: Capacity): string {
  const { searches } = capacity;
  const level = (known: { level: number } | null): string =>
    known ? formatCount(known.level) : NOT_MEASURED;
  const rows = searches.map((search) => [
    `<a href="#${trialsId(search)}">${sizeOf(search)?.count ?? NOT_MEASURED}</a>`,
    level(search.holds),
    level(search.breaks),
    escapeHtml(END_WORDS[search.end].word.toLowerCase()),
  ]);
  return table([axisOf(capacity), 'holds', 'breaks at', ''], rows, 1, 3);
}

function becauseBlock({ because }: CapacitySearch): string {
  if (!because) return '';
  const { gates, first, queue, resource } = because;
  const items = [`What did not hold: ${gates}.`, first, sentence(queue), sentence(resource)].filter(
    (words) => typeof words === 'string',
  );
  return `<div class="first-break broken"><ul>${items.map((words) => `<li>${escapeHtml(words)}</li>`).join('')}</ul></div>`;
}

function sentence(clause: string | null): string | null {
  return clause === null ? null : `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`;
}

function scalabilitySection(capacity: Capacity): string {
  if (!capacity.scalability) return '';
  const words = scalabilityWords(capacity).map((each) => `<p>${escapeHtml(each)}</p>`);
  return `<section class="panel" id="scalability"><h2>Over the ${axisOf(capacity)}</h2>
${scalabilityChart(capacity)}
<p class="legend-words">Dots: the level that held. Line: the law, broken where it is projected beyond what was measured; shaded: within what its mean lies.</p>
${words.join('\n')}</section>`;
}

function trialsId(search: CapacitySearch): string {
  const size = sizeOf(search);
  return size === null ? 'trials' : `trials-${size.count}`;
}

function searchSection(capacity: Capacity, search: CapacitySearch, isOne: boolean): string {
  const size = sizeOf(search);
  const heading = size === null ? '' : `: ${sizeWords(size)}`;
  const latency = latencyChart(capacity, search);
  const offered = offeredChart(capacity, search);
  return `${latency === '' ? '' : `<section class="panel"><h2>${capacity.find === 'clients.count' ? 'Clients' : 'Throughput'} against latency${heading}</h2>${latency}${legend()}</section>`}
${
  offered === ''
    ? ''
    : `<section class="panel"><h2>Asked for, and achieved${heading}</h2>${offered}
<p class="legend-words">Broken line: all that was asked for. Marks as above.</p></section>`
}
<section class="panel" id="${trialsId(search)}"><h2>Trials${heading}</h2>${isOne ? '' : `<p>${escapeHtml(search.conclusion)}</p>`}
${trialTable(capacity, search)}
<p class="quiet">Each trial is a run of its own, with a fresh server where the lab starts it; its number leads to its report.</p></section>`;
}

function legend(): string {
  return `<p class="legend-words"><span class="swatch" style="--colour: var(--series-1)"></span>p50
<span class="swatch" style="--colour: var(--series-2)"></span>p99. A dot: the level held. A cross: it broke. A ring: the lab gave way, or the trial was stopped. Shaded: from the level that holds to the one that does not.</p>`;
}

function trialTable({ find }: Capacity, { trials }: CapacitySearch): string {
  const isOfClients = find === 'clients.count';
  const head = [
    'trial',
    LEVEL_HEADS[find],
    ...(isOfClients ? ['logged in'] : ['due/s']),
    'arrived/s',
    'p50',
    'p99',
    'server cores',
    'agent cores',
    'lag p99',
    'length',
    'verdict',
  ];
  const rows = trials.map((trial) => [
    trial.folder === null
      ? String(trial.number)
      : `<a href="${escapeHtml(encodeURI(`${trial.folder}/${RECORD_FILES.html}`))}">${trial.number}</a>`,
    formatCount(trial.level),
    whole(isOfClients ? trial.connectionsPeak : trial.offeredPerSecond),
    whole(trial.deliveredPerSecond),
    milliseconds(trial.latencyP50Ms),
    milliseconds(trial.latencyP99Ms),
    trial.serverCores === null ? NOT_MEASURED : trial.serverCores.toFixed(2),
    trial.generatorCores === null ? NOT_MEASURED : trial.generatorCores.toFixed(2),
    milliseconds(trial.lagP99Ms),
    trial.length,
    `<span class="outcome">${escapeHtml(VERDICT_OF_TRIAL[trial.verdict])}<small>${escapeHtml(whyWords(trial))}</small></span>`,
  ]);
  return table(head, rows, 1, head.length - 2);
}

function methodSection({ settings, startedAt, durationSeconds, scenario, c2m }: Capacity): string {
  const { from, most, precision, trialSeconds, fullSeconds, mostTrials, mostSeconds } = settings;
  const facts: [string, string][] = [
    ['Scenario', [scenario.file, ...scenario.overrides.map((text) => `--set ${text}`)].join(' ')],
    ['Started', `${startedAt.slice(0, 19).replace('T', ' ')} UTC`],
    ['Took', formatSeconds(durationSeconds)],
    ['From', formatCount(from)],
    ['At most', most === null ? 'as far as it goes' : formatCount(most)],
    ['Precision', formatRatio(precision)],
    ['A short trial', formatSeconds(trialSeconds)],
    ['A full trial', formatSeconds(fullSeconds)],
    ['Bounds', `${formatCount(mostTrials)} trials, ${formatSeconds(mostSeconds)}`],
    ['Version', `c2m ${c2m}`],
  ];
  return `<section class="panel" id="method"><h2>How it was found</h2>
<p>An open workload: messages are due at times fixed in advance, whatever the server does. Short trials double the level, or halve it, until one holds and the other does not, and then halve the gap. Both ends are tried at full length: one trial that holds is believed, and that a level breaks takes three before two have held. Where they say something else than the short ones, the search goes on from there.</p>
<dl class="grid">${facts.map(([term, value]) => `<div><dt>${term}</dt><dd>${escapeHtml(value)}</dd></div>`).join('')}</dl></section>`;
}

function whole(value: number | null): string {
  return value === null ? NOT_MEASURED : formatCount(Math.round(value));
}

function milliseconds(value: number | null): string {
  return value === null ? NOT_MEASURED : formatMilliseconds(value);
}
