/**
 * For paper, A4 or Letter: light, in one column, tables in small type so that their last column is on the page too.
 * Only charts and rows are kept whole. Where whole panels were, each that did not fit left the rest of its page white.
 */
export const PRINT_STYLE = `
@media print {
  @page { margin: 14mm; }
  html { background: none; }
  body { background: none; font-size: 11px; }
  main, footer { display: block; padding: 0; max-width: none; }
  main > * { margin-bottom: 10px; }
  .top { padding: 0 0 6px; }
  .top nav, #theme, .hint, .tooltip, .choices button[aria-pressed="false"] { display: none; }
  .panel { padding: 10px 12px; border-radius: 6px; box-decoration-break: clone; -webkit-box-decoration-break: clone; }
  h2, h3 { font-size: 14px; break-after: avoid; }
  /* Labels are no larger than what they label. */
  .facts, .facts dt, .grid dt, .tile h2, .chart figcaption p, .empty, footer, .hosts details > .quiet { font-size: 10.5px; }
  .facts { gap: 4px 16px; margin-top: 8px; } .tile h2 { font-weight: 500; }
  .hero { grid-template-columns: minmax(0, 1fr) minmax(0, 1.1fr); gap: 12px 24px; padding: 14px; }
  .hero h1 { font-size: 20px; }
  .verdict { margin: 10px 0 6px; } .verdict strong { font-size: 18px; } .verdict .icon { width: 22px; height: 22px; }
  .gates li { padding: 4px 0; } .gates .value, .gates .word, code, pre { font-size: 10.5px; }
  .tiles { grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 8px; }
  .tile { padding: 8px 12px; } .tile .value { font-size: 17px; } .tile .detail { font-size: 10.5px; }
  .pair { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; }
  .chart, .tile, tr, .notice { break-inside: avoid; }
  /* One row alone at the head or the foot of a sheet is not seen to belong to a table. */
  tbody tr:nth-child(-n+2) { break-after: avoid; } tbody tr:nth-last-child(-n+2) { break-before: avoid; }
  .legend { margin-top: 2px; } .legend button { padding: 0 6px; font-size: 11px; }
  .chart-notes, small, .first-break ul { font-size: 10.5px; }
  .scroll { overflow: visible; margin: 0; }
  table { font-size: 10.5px; } table code { overflow-wrap: anywhere; }
  thead { display: table-header-group; }
  thead th { white-space: normal; font-size: inherit; }
  th, td { padding: 3px 5px; }
  #scaling table { font-size: 9.5px; overflow-wrap: anywhere; } #scaling .figure { white-space: normal; }
  .uplot, .u-wrap { max-width: 100%; }
  dl.grid { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 6px 16px; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
`;
