import { join } from 'node:path';
import { CAPACITY_FILES, type Capacity, type CapacitySearch } from '../../record/capacity.js';
import { printable, printableData } from '../../record/printable.js';
import { formatCount, formatMilliseconds, NOT_MEASURED } from '../format.js';
import { alignedRows, palette } from '../terminal.js';
import { END_WORDS } from './conclusion.js';
import { LEVEL_HEADS, levelWords, VERDICT_OF_TRIAL, whyWords } from './level-words.js';
import { scalabilityWords } from './scalability-words.js';

/** The end of a search, for a terminal: what was found, why, every trial, and where the page is. */
export function capacityForTerminal(of: Capacity, folder: string, colour?: boolean): string {
  const paint = palette(colour);
  const capacity = printableData(of);
  const searches = capacity.searches.map((search) => {
    const { word, kind } = END_WORDS[search.end];
    const first = search.because?.first;
    return [
      `  ${paint[kind].bold.inverse(` ${word.toUpperCase()} `)}  ${search.conclusion}`,
      ...(first ? [`  ${first}`] : []),
      '',
      ...trialRows(capacity, search).map((row) => `  ${row}`),
    ].join('\n');
  });
  const blocks = [
    ...searches,
    scalabilityWords(capacity)
      .map((sentence) => `  ${sentence}`)
      .join('\n'),
    leftOutWords(capacity)
      .map((words) => `  ${paint.doubtful('!')} ${words}`)
      .join('\n'),
    `  ${paint.quiet('Report')}  ${printable(join(folder, CAPACITY_FILES.html))}`,
  ];
  return `\n${blocks.filter(Boolean).join('\n\n')}\n\n`;
}

/** One sentence for each reason. */
function leftOutWords({ leftOut }: Capacity): string[] {
  return [...new Set(leftOut.map(({ why }) => why))].map((why) => {
    const gates = leftOut.filter((each) => each.why === why).map(({ expression }) => expression);
    return `left out, as ${why}: ${gates.join(', ')}`;
  });
}

function trialRows({ find }: Capacity, { trials }: CapacitySearch): string[] {
  const figures = alignedRows([
    ['trial', LEVEL_HEADS[find], 'arrived/s', 'p50', 'p99', 'length', ''],
    ...trials.map((trial) => [
      String(trial.number),
      formatCount(trial.level),
      trial.deliveredPerSecond === null ? NOT_MEASURED : formatCount(Math.round(trial.deliveredPerSecond)),
      milliseconds(trial.latencyP50Ms),
      milliseconds(trial.latencyP99Ms),
      trial.length,
      VERDICT_OF_TRIAL[trial.verdict],
    ]),
  ]);
  return figures.map((row, at) => {
    const why = at === 0 ? '' : whyWords(trials[at - 1] as (typeof trials)[number]);
    return why === '' ? row : `${row}  ${why}`;
  });
}

/** One trial that is over, in a line of its own. */
export function trialLine(find: Capacity['find'], trial: CapacitySearch['trials'][number]): string {
  const { level, verdict, latencyP99Ms, deliveredPerSecond } = trial;
  const figures = [
    ...(deliveredPerSecond === null ? [] : [`${formatCount(Math.round(deliveredPerSecond))}/s arrived`]),
    ...(latencyP99Ms === null ? [] : [`p99 ${formatMilliseconds(latencyP99Ms)}`]),
  ];
  const why = whyWords(trial);
  return `${VERDICT_OF_TRIAL[verdict]}: ${levelWords(find, level)}${figures.length > 0 ? `, ${figures.join(', ')}` : ''}${why === '' ? '' : ` (${why})`}`;
}

function milliseconds(value: number | null): string {
  return value === null ? NOT_MEASURED : formatMilliseconds(value);
}
