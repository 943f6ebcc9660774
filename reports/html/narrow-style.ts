/**
 * For tablets and phones. A table that is wider than a phone would be cut or scrolled blindly, so each of its rows becomes
 * a block there: its name, and below it every figure with the head of its column.
 */
export const NARROW_STYLE = `
@media (max-width: 900px) {
  .hero { grid-template-columns: minmax(0, 1fr); }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .pair { grid-template-columns: minmax(0, 1fr); }
  .top nav { display: none; }
  #theme { margin-left: auto; }
}
@media screen and (max-width: 560px) {
  main { padding: 0 10px 16px; gap: 12px; }
  .top { padding: 10px 12px; }
  .panel { padding: 16px 14px; border-radius: 8px; }
  .hero { padding: 16px; }
  .hero h1 { font-size: 22px; }
  .verdict { margin: 12px 0 6px; padding: 5px 16px 5px 8px; } .verdict strong { font-size: 20px; }
  .tiles { gap: 10px; } .tile { padding: 12px 14px; } .tile .value { font-size: 21px; }
  .gates li { grid-template-columns: auto minmax(0, 1fr) auto; }
  .gates code { grid-column: 2 / 4; } .gates .icon { grid-row: 1; }
  .gates .value { grid-column: 2; text-align: left; }
  .legend { margin-left: 0; } .legend .value { min-width: 6em; }
  .legend button, .choices button { min-height: 32px; }
  .choices button { padding: 5px 10px; }
  table, tbody, tbody tr, tbody th, tbody td { display: block; }
  thead { display: none; }
  table { font-size: 13.5px; }
  tbody tr { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 2px 16px; padding: 9px 0; border-top: 1px solid var(--edge); }
  tbody tr:first-child { border-top: 0; }
  .scroll { margin: 0; }
  tbody th:first-child, tbody td { padding: 0; border: 0; overflow-wrap: anywhere; }
  tbody th { grid-column: 1 / -1; margin-bottom: 2px; }
  tbody td { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 10px; text-align: right; }
  tbody td.figure { white-space: normal; }
  tbody td::before { content: attr(data-head); min-width: 0; color: var(--quiet); text-align: left; }
  tbody td:not(.figure) { display: block; grid-column: 1 / -1; text-align: left; }
  tbody td:not(.figure)::before { margin-right: 8px; }
  tbody td[data-head=""] { display: block; text-align: left; } tbody td[data-head=""]::before, #ledger td:last-child::before { content: none; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 12px; font-size: 12px; }
  .hint { display: none; }
}`;
