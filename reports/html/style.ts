import { NARROW_STYLE } from './narrow-style.js';
import { PRINT_STYLE } from './print-style.js';

/** Light is what is printed, whatever the screen shows. */
const LIGHT = `
  color-scheme: light;
  --page: #f4f5f7; --panel: #ffffff; --edge: #dfe3e8; --text: #1a2129; --quiet: #5b6672; --accent: #0b62c4;
  --good: #137a43; --bad: #c02626; --doubtful: #8f5b00;
  --good-fill: #e8f5ec; --bad-fill: #fdecec; --doubtful-fill: #fdf3dc;
  --grid: #e8ebef; --phase: #f3f6fa; --phase-strip: #e4eaf2; --alert: #c02626; --alert-fill: #c0262622; --code: #f2f4f7;
  --series-1: #1763c6; --series-2: #d9730d; --series-3: #11865a; --series-4: #c9302c;
  --series-5: #8546c4; --series-6: #a8760a; --series-7: #6b7785; --series-8: #0e8fa3;`;

const DARK = `
  color-scheme: dark;
  --page: #0e1217; --panel: #161b22; --edge: #2a323c; --text: #e4e9ef; --quiet: #98a4b1; --accent: #6cb0ff;
  --good: #4cc38a; --bad: #ff7d78; --doubtful: #e9b949;
  --good-fill: #12291f; --bad-fill: #331a1c; --doubtful-fill: #2e2614;
  --grid: #252d37; --phase: #1a2129; --phase-strip: #26303b; --alert: #ff7d78; --alert-fill: #ff7d7826; --code: #1d242d;
  --series-1: #62a8ff; --series-2: #f5a04c; --series-3: #45c795; --series-4: #ff7d78;
  --series-5: #bd93f5; --series-6: #dcb84a; --series-7: #93a1b0; --series-8: #4cc7da;`;

/** The report's style sheet. Only fonts that the reader's system has, so nothing is fetched. */
export const STYLE = `
:root {${LIGHT}}
@media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) {${DARK}} }
:root[data-theme="dark"] {${DARK}}
:root.printing:root.printing {${LIGHT}}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--text); overflow-wrap: anywhere;
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1, h2, p, ul, dl, dd, figure { margin: 0; padding: 0; }
ul { list-style: none; }
h2 { font-size: 17px; line-height: 1.3; font-weight: 650; }
code, pre { font: 13px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
small { display: block; font-size: 12.5px; color: var(--quiet); font-weight: 400; }
.quiet { color: var(--quiet); }
.panel { background: var(--panel); border: 1px solid var(--edge); border-radius: 10px; padding: 20px 22px; }
main { max-width: 1160px; margin: 0 auto; padding: 0 20px 24px; display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; }
footer { max-width: 1160px; margin: 0 auto; padding: 0 22px 40px; color: var(--quiet); font-size: 13px; }

.top { max-width: 1160px; margin: 0 auto; padding: 14px 20px; display: flex; align-items: center; gap: 8px 24px; }
.mark { color: var(--quiet); white-space: nowrap; }
.mark b { color: var(--text); font: 700 17px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; margin-right: 6px; }
.top nav { display: flex; flex-wrap: wrap; gap: 2px 16px; margin-left: auto; font-size: 14px; }
.top a { color: var(--quiet); text-decoration: none; padding: 4px 0; }
.top a:hover { color: var(--accent); text-decoration: underline; }
#theme { flex: none; width: 36px; height: 36px; padding: 9px; border: 1px solid var(--edge); border-radius: 8px; background: var(--panel); color: var(--quiet); cursor: pointer; }
#theme svg { display: block; width: 16px; height: 16px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }

.icon { width: 18px; height: 18px; flex: none; vertical-align: -3px; fill: none; stroke-width: 1.7; stroke-linecap: round; stroke-linejoin: round; stroke: currentColor; }
.icon circle { stroke: none; fill: currentColor; }
.icon path { stroke: var(--panel); stroke-width: 2; }
.icon.good, .good > strong, .good .word { color: var(--good); }
.icon.bad, .bad > strong, .bad .word, strong.bad { color: var(--bad); }
.icon.doubtful, .doubtful > strong { color: var(--doubtful); }
strong.doubtful { color: var(--doubtful); }
.icon.going, .going > strong { color: var(--accent); }
strong.bad .icon, strong.doubtful .icon { width: 14px; height: 14px; vertical-align: -2px; margin-right: 5px; }

.hero { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 6fr); gap: 24px 44px; padding: 26px 28px; }
.hero h1 { font-size: 26px; line-height: 1.2; font-weight: 700; overflow-wrap: anywhere; }
.hero .description { color: var(--quiet); margin-top: 4px; }
.verdict { display: inline-flex; align-items: center; gap: 10px; margin: 18px 0 8px; padding: 7px 18px 7px 10px; border-radius: 999px; }
.verdict.good { background: var(--good-fill); } .verdict.bad { background: var(--bad-fill); } .verdict.doubtful { background: var(--doubtful-fill); } .verdict.going { background: var(--code); }
.verdict strong { font-size: 24px; line-height: 1.25; }
.verdict .icon { width: 28px; height: 28px; }
.first-break { margin-top: 14px; padding: 2px 0 2px 14px; border-left: 3px solid var(--edge); }
.first-break.broken { border-color: var(--doubtful); }
.first-break li + li { margin-top: 3px; }
.first-break p { font-weight: 600; overflow-wrap: anywhere; }
.first-break ul { margin-top: 6px; padding-left: 16px; list-style: disc; font-size: 14px; line-height: 1.5; color: var(--quiet); overflow-wrap: anywhere; }
.hero h1 .scenario { font-size: 17px; font-weight: 500; color: var(--quiet); }
.facts { display: flex; flex-wrap: wrap; gap: 10px 28px; margin-top: 14px; font-size: 14px; }
.facts dt, .grid dt { color: var(--quiet); font-size: 13px; }
.facts dd, .grid dd { overflow-wrap: anywhere; }
.gates h2 { margin-bottom: 6px; }
.gates > p { margin-top: 12px; }
.gates li { display: grid; grid-template-columns: auto minmax(45%, 1fr) auto 3.6em; gap: 2px 12px; align-items: center; padding: 8px 0; border-top: 1px solid var(--edge); }
.gates code { overflow-wrap: anywhere; }
.gates .value { font-weight: 650; font-variant-numeric: tabular-nums; text-align: right; }
.gates .word { font-size: 13px; text-align: right; }
.gates .doubtful .word { grid-column: 2 / -1; text-align: left; color: var(--quiet); }
.notice { display: flex; gap: 14px; border-color: var(--doubtful); }
.notice .icon { margin-top: 2px; }
.notice ul { list-style: disc; padding-left: 18px; margin-top: 4px; }

.tiles { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 12px; }
.tile { padding: 14px 18px; }
.tile h2 { font-size: 13.5px; font-weight: 500; color: var(--quiet); }
.tile .value { font-size: 26px; line-height: 1.35; font-weight: 680; font-variant-numeric: tabular-nums; letter-spacing: -0.01em; }
.tile .value .icon { margin-right: 8px; width: 20px; height: 20px; vertical-align: -2px; }
.tile .detail .icon { margin-right: 5px; width: 15px; height: 15px; vertical-align: -3px; }
.tile .detail { font-size: 13px; line-height: 1.45; color: var(--quiet); overflow-wrap: anywhere; }
.tile.bad .value { color: var(--bad); }
.hint { font-size: 13px; color: var(--quiet); padding: 0 4px; }

.chart figcaption { display: flex; flex-wrap: wrap; gap: 0 12px; align-items: baseline; margin-bottom: 10px; }
.chart figcaption p { color: var(--quiet); font-size: 13.5px; }
.chart { padding-bottom: 14px; min-width: 0; }
.plot { margin: 0 -6px; min-width: 0; overflow: hidden; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 6px; margin: 8px 0 0 52px; }
.legend button { display: flex; align-items: center; gap: 8px; padding: 3px 8px; border: 0; border-radius: 6px; background: none; color: inherit; font: inherit; font-size: 13px; cursor: pointer; text-align: left; }
.legend button:hover { background: var(--code); }
.legend button[aria-pressed="false"] { color: var(--quiet); text-decoration: line-through; } .legend button[aria-pressed="false"] .swatch { opacity: 0.4; }
.legend .value { min-width: 7.5em; font-variant-numeric: tabular-nums; font-weight: 600; }
.legend .value.is-rest { font-weight: 400; color: var(--quiet); }
.swatch { flex: none; display: inline-block; width: 20px; height: 0; border-top: 2.5px solid var(--colour); }
.swatch.dashed { border-top-style: dashed; } .swatch.dotted { border-top-style: dotted; }
.choices { display: inline-flex; flex-wrap: wrap; margin-bottom: 12px; border: 1px solid var(--edge); border-radius: 8px; overflow: hidden; }
.choices button { padding: 5px 14px; border: 0; border-right: 1px solid var(--edge); background: none; color: var(--quiet); font: inherit; font-size: 13.5px; cursor: pointer; }
.choices button:last-child { border-right: 0; }
.choices button[aria-pressed="true"] { background: var(--text); color: var(--panel); }
.chart-notes { margin-top: 10px; font-size: 13.5px; color: var(--quiet); }
.chart .empty, .panel > .empty { color: var(--quiet); padding: 18px 0 10px; }
.tooltip { position: absolute; top: 8px; z-index: 5; min-width: 150px; padding: 8px 12px; border: 1px solid var(--edge); border-radius: 8px; background: var(--panel); box-shadow: 0 4px 16px #00000026; font-size: 13px; line-height: 1.6; pointer-events: none; white-space: nowrap; }
.tooltip[hidden] { display: none; }
.tooltip .head { display: block; color: var(--quiet); margin-bottom: 2px; }
.tooltip div { display: flex; align-items: center; gap: 8px; }
.tooltip .value { margin-left: auto; padding-left: 14px; font-weight: 650; font-variant-numeric: tabular-nums; }
.u-select { background: #5b8def2e; }
.u-cursor-x { border-right-color: var(--quiet) !important; }

.panel > h2 { margin-bottom: 10px; }
.panel > p + .scroll, .panel > p + table { margin-top: 10px; }
.panel > .scroll + p, .panel > table + p { margin-top: 10px; }
.scroll { overflow-x: auto; margin: 0 -4px; }
/* A table may be as wide as its words: it is scrolled, and no column is squeezed to letters. */
table { width: 100%; border-collapse: collapse; font-size: 14px; overflow-wrap: break-word; }
th, td { padding: 8px 10px; text-align: left; vertical-align: baseline; border-top: 1px solid var(--edge); }
th:first-child { padding-left: 4px; }
thead th, thead td { border-top: 0; color: var(--quiet); font-weight: 500; font-size: 13px; white-space: nowrap; padding-top: 2px; }
tbody th { font-weight: 600; }
.figure { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.bar { display: block; height: 9px; min-width: 2px; border-radius: 3px; background: var(--series-4); opacity: 0.75; }
#failures td:last-child { width: 50%; }
dl.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 12px 28px; }
pre { margin: 8px 0 12px; padding: 14px 16px; border-radius: 8px; background: var(--code); overflow-x: auto; tab-size: 2; }
summary { cursor: pointer; color: var(--accent); }
.losses { margin-top: 8px; }
.losses li { padding: 2px 0; }
.losses .icon { width: 15px; height: 15px; margin-right: 6px; }
.losses + .scroll { margin-top: 10px; }
.hosts { margin-top: 10px; }
/* The columns of one host are below those of the other. */
@media print, screen and (min-width: 561px) {
  .hosts table { table-layout: fixed; }
  .hosts thead th:first-child { width: 25%; }
}
@media screen and (min-width: 561px) { .hosts table { min-width: 860px; } }
.hosts details, .scroll + details { padding: 4px 0; }
.hosts details > .quiet { margin: 4px 0; font-size: 13.5px; }
.overrides { margin: 4px 0 12px; }

${NARROW_STYLE}${PRINT_STYLE}`;
