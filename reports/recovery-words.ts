import { formatCount, formatFigure, formatMoment, formatSeconds } from './format.js';
import { RECOVERED_FIGURES, type RecoveredFigure, type Recovery } from './recovery.js';

export const FIGURE_LABELS: Record<RecoveredFigure, string> = {
  deliveredP99: 'delivered p99',
  connections: 'connections',
  inFlight: 'in flight',
};

/** How long all of it took, in a few words. */
export function recoveryTime({ figures, seconds, atSeconds, watchedToSeconds }: Recovery): string {
  if (Object.keys(figures).length === 0) return 'not known: too little was measured before it';
  if (seconds === 0) return 'not felt';
  if (seconds !== null) return tenths(seconds);
  return `not within ${tenths(watchedToSeconds - atSeconds)}`;
}

/** `1.8 ms → 412 ms, back after 3 s`; empty where the figure was not watched. */
export function figureWords(figure: RecoveredFigure, { figures }: Recovery): string {
  const recovered = figures[figure];
  if (!recovered) return '';
  const { before, worst, seconds, dropped = 0 } = recovered;
  const words = (value: number | null): string =>
    value === null ? 'none' : figure === 'deliveredP99' ? formatFigure(value, 'ms') : formatCount(value);
  if (seconds === 0) return `${words(before)}, never left`;
  const back = seconds === null ? 'not back' : `back after ${tenths(seconds)}`;
  const drops = dropped > 0 ? `, ${formatCount(dropped)} dropped` : '';
  // How few were open within a second nobody knows, where its end has them all.
  const worse = drops !== '' && worst !== null && worst >= before ? '' : ` → ${words(worst)}`;
  return `${words(before)}${worse}${drops}, ${back}`;
}

/** One line of text: `kill-server at 10 s: 3.1 s (delivered p99 1.8 ms → 412 ms, back after 3.1 s; …)`. */
export function recoverySentence(recovery: Recovery): string {
  const parts = RECOVERED_FIGURES.map((figure) => [FIGURE_LABELS[figure], figureWords(figure, recovery)])
    .filter(([, words]) => words !== '')
    .map(([label, words]) => `${label} ${words}`);
  const details = parts.length > 0 && recovery.seconds !== 0 ? ` (${parts.join('; ')})` : '';
  return `${recovery.label} at ${formatMoment(recovery.atSeconds)}: ${recoveryTime(recovery)}${details}`;
}

/** The timeline has a line a second; more digits would be none. */
function tenths(seconds: number): string {
  return formatSeconds(Math.max(1, Math.round(seconds * 10)) / 10);
}
