/** What the pages over a folder of records have beside the style of the report. */
export const BROWSE_STYLE = `
.mark a { color: inherit; text-decoration: none; }
.mark a:hover { text-decoration: underline; }
.panel a { color: var(--accent); }
main h1 { font-size: 22px; line-height: 1.3; overflow-wrap: anywhere; }
.chosen { display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; }
.ask { display: flex; flex-wrap: wrap; gap: 10px 16px; align-items: end; margin-top: 12px; }
.ask > div { min-width: 0; }
.ask label, .doing label { display: block; font-size: 13px; color: var(--quiet); }
input, select, .button { min-height: 36px; max-width: 100%; padding: 6px 10px; border: 1px solid var(--quiet); border-radius: 8px; background: var(--panel); color: var(--text); font: inherit; }
.button { padding: 6px 14px; font-weight: 600; cursor: pointer; }
.button:hover { background: var(--code); }
input[type="search"], .ask input[list] { width: 19em; }
input[type="checkbox"] { min-height: 0; width: 18px; height: 18px; accent-color: var(--accent); }
.tick { text-align: center; white-space: nowrap; }
.runs td, .runs tbody th { vertical-align: middle; }
.verdict-cell { white-space: nowrap; }
.doing + p { margin-top: 10px; font-size: 14px; }
.runs thead a { color: inherit; }
.pages { display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center; margin-top: 14px; }
.pages .button { text-decoration: none; color: var(--text); }
.doing { display: flex; flex-wrap: wrap; gap: 10px 16px; align-items: end; margin-top: 16px; padding-top: 14px; border-top: 1px solid var(--edge); }
.trend { display: block; width: 100%; height: 280px; margin: 10px 0 4px; overflow: visible; }
.trend .grid { stroke: var(--grid); }
.trend text { fill: var(--quiet); font-size: 12px; }
.trend .line { stroke-width: 1.5; stroke-opacity: .55; }
.trend circle { stroke: var(--panel); stroke-width: 1.5; }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 14px; }
.dot { display: inline-block; width: 11px; height: 11px; margin-right: 7px; border-radius: 50%; }
${[1, 2, 3, 4, 5, 6, 7, 8].map((index) => `.c${index} { fill: var(--series-${index}); stroke: var(--series-${index}); } .dot.c${index} { background: var(--series-${index}); }`).join('\n')}
.started { white-space: nowrap; }
@media screen and (max-width: 560px) {
  .runs tbody td.tick { display: flex; grid-column: auto; justify-content: space-between; align-items: center; min-height: 32px; }
  /* Both boxes on one line. */
  .runs tbody td.tick:nth-last-child(2) { grid-column: 1; }
  input[type="search"], .ask input[list], select { width: 100%; }
  .ask > div { flex: 1 1 100%; }
}
/* What is there to be pressed is of no use on paper. */
@media print {
  main h1 { font-size: 16px; }
  .ask, .doing, .doing + p, .tick, .pages { display: none; }
  .key, .trend text { font-size: 10.5px; }
  .verdict-cell .icon { width: 12px; height: 12px; vertical-align: -2px; }
}
`;
