/** What the page of a run that goes on has beside the report. */
export const LIVE_STYLE = `
/* Each piece of the report stands in a place of its own, which takes no part in the layout. */
[data-part] { display: contents; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.live { border-color: var(--accent); padding: 16px 22px; }
.live-head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 18px; }
.live-head h2:focus { outline: none; }
.live .steps, .live .facts, .live .losses, .controls, .answer, .link { margin-top: 12px; }
.live p strong { font-weight: 650; }
.steps { display: flex; flex-wrap: wrap; gap: 6px 8px; margin: 0; padding: 0; list-style: none; font-size: 14px; }
.steps li { padding: 4px 12px; border: 1px solid var(--edge); border-radius: 999px; color: var(--quiet); }
.steps .done::before { content: '✓ '; color: var(--good); } .steps .left-out { text-decoration: line-through; }
.steps li[aria-current] { border-color: var(--accent); color: var(--text); font-weight: 600; display: flex; flex-wrap: wrap; align-items: center; gap: 2px 10px; }
.steps li[aria-current] span { font-weight: 400; color: var(--quiet); font-variant-numeric: tabular-nums; }
.steps progress { width: 90px; height: 8px; accent-color: var(--accent); }
.live .facts { gap: 8px 28px; }
.live .facts dd { font-variant-numeric: tabular-nums; font-weight: 600; }
.controls { display: flex; flex-wrap: wrap; align-items: end; gap: 10px 24px; padding-top: 12px; border-top: 1px solid var(--edge); }
.controls form { display: flex; flex-wrap: wrap; align-items: end; gap: 8px; min-width: 0; }
.controls label, dialog label { display: block; color: var(--quiet); font-size: 13px; }
input, .button { min-height: 36px; padding: 6px 12px; border: 1px solid var(--control-edge, var(--quiet)); border-radius: 8px; background: var(--panel); color: var(--text); font: inherit; }
.controls input { width: 9em; }
.button { cursor: pointer; font-weight: 600; }
.button:hover { background: var(--code); }
.button.danger { border-color: var(--bad); color: var(--bad); }
.button:disabled { opacity: 0.6; cursor: default; }
.answer:empty, .link:empty { display: none; }
.answer.refused, .link { color: var(--doubtful); }
dialog { max-width: min(460px, calc(100vw - 32px)); padding: 22px; border: 1px solid var(--edge); border-radius: 12px; background: var(--panel); color: var(--text); }
dialog::backdrop { background: #0009; }
dialog p { margin: 8px 0 14px; }
dialog input { width: 100%; }
dialog .choices-row { display: flex; flex-wrap: wrap; gap: 10px; margin-top: 16px; }
@media print { .live, dialog { display: none; } [data-part] > * { margin-bottom: 10px; } }
@media screen and (max-width: 560px) { .live { padding: 14px; } .controls input { width: 7.5em; } }
`;
