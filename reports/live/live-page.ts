import { chartLibrary } from '../html/browser-script.js';
import { embedJson, escapeHtml } from '../html/markup.js';
import { reportBody } from '../html/report-parts.js';
import { STYLE } from '../html/style.js';
import type { LivePartName } from './live-report.js';
import { LIVE_STYLE } from './live-style.js';
import type { PageFrame } from './page-change.js';

/** What the script of the page needs beside the report. */
export interface LiveData {
  /** Of the frame that the page was made of. */
  version: number;
}

/**
 * The page of a run that goes on: the report as it is now, each of its pieces in a place where the next of them takes its
 * room, and above it what there is to know and to do while the run lasts. Script and style come from where it comes from.
 * @param key what a request must show that asks for a change
 */
export function livePage(frame: PageFrame, version: number, key: string): string {
  const place = (name: string): string => `<div data-part="${name}">${frame.parts[name] ?? ''}</div>`;
  const data: LiveData = { version };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="c2m-key" content="${escapeHtml(key)}">
<title>${escapeHtml(frame.title)} · c2m</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="style.css">
<script src="charts.js" defer></script>
<script src="live.js" type="module"></script>
</head>
<body>
${reportBody(place, 'live', controls(place))}
${stopDialog}
<script type="application/json" id="report-data">${embedJson(frame.data)}</script>
<script type="application/json" id="live-data">${embedJson(data)}</script>
</body>
</html>
`;
}

/** The style sheet of the page, with that of its charts. */
export async function liveStyle(): Promise<string> {
  return `${(await chartLibrary()).style}${STYLE}${LIVE_STYLE}`;
}

function controls(place: (name: LivePartName) => string): string {
  return `<section class="panel live" id="live" aria-labelledby="live-title">
  <div class="live-head"><h2 id="live-title" tabindex="-1">This run, while it goes on</h2><div role="status">${place('live-phase')}</div></div>
  ${place('live-progress')}
  <div aria-live="polite" class="live-alerts">${place('live-alerts')}</div>
  <div class="controls">
    <form id="rate-form">
      <div><label for="rate">Messages a second</label><input id="rate" name="rate" placeholder="5000/s" autocomplete="off" required maxlength="40" aria-describedby="rate-hint"></div>
      <button type="submit" class="button">Change the rate</button>
      <span class="unseen" id="rate-hint">of all clients together, until the phase ends; such as 5000/s or 300/min</span>
    </form>
    <button type="button" class="button danger" id="stop" aria-haspopup="dialog">Stop the run…</button>
  </div>
  <p class="answer" id="answer" role="status"></p>
  <p class="link" id="link" role="status"></p>
</section>
`;
}

const stopDialog = `<dialog id="stop-dialog" aria-labelledby="stop-title">
  <form method="dialog">
    <h2 id="stop-title">Stop the run?</h2>
    <p>What is under way arrives, what was measured is written and reported as partial.</p>
    <label for="why">Why, for the record (may be left out)</label>
    <input id="why" name="why" maxlength="200" autocomplete="off">
    <div class="choices-row"><button value="stop" class="button danger">Stop it</button><button value="" class="button" formnovalidate>Let it go on</button></div>
  </form>
</dialog>`;
