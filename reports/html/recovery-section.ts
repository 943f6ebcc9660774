import { formatMoment, NOT_MEASURED } from '../format.js';
import { RECOVERED_FIGURES, type Recovery } from '../recovery.js';
import { FIGURE_LABELS, figureWords, recoveryTime } from '../recovery-words.js';
import { escapeHtml, icon, table } from './markup.js';

/** More are folded away: a scenario may have a thousand actions. */
const ACTIONS_SHOWN = 20;

/** How long it took after each action until all was as before; empty where nothing was done. */
export function recoverySection(recoveries: readonly Recovery[]): string {
  if (recoveries.length === 0) return '';
  const rows = recoveries.map((recovery) => {
    const isBack = recovery.seconds !== null || Object.keys(recovery.figures).length === 0;
    const time = escapeHtml(recoveryTime(recovery));
    return [
      escapeHtml(recovery.label),
      formatMoment(recovery.atSeconds),
      isBack ? time : `<strong class="doubtful">${icon('doubtful')}${time}</strong>`,
      ...RECOVERED_FIGURES.map((figure) => figureWords(figure, recovery) || NOT_MEASURED),
    ];
  });
  const head = ['action', 'at', 'recovery', ...RECOVERED_FIGURES.map((figure) => FIGURE_LABELS[figure])];
  const rest = rows.slice(ACTIONS_SHOWN);
  const more =
    rest.length > 0
      ? `<details><summary>${rest.length} more actions</summary>${table(head, rest, 1, 3)}</details>`
      : '';
  const legend =
    '<p class="quiet">From the action until each figure was back in the range of the seconds before it, for two seconds in a row. The timeline has one line a second, so a recovery is told to the second. In flight is left out where users were away on purpose.</p>';
  return `<section class="panel" id="recovery"><h2>Recovery after each action</h2>${table(head, rows.slice(0, ACTIONS_SHOWN), 1, 3)}${more}${legend}</section>`;
}
