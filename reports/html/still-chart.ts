import { escapeHtml } from './markup.js';
import { type Axis, placeOn, ticksOf } from './still-axis.js';

/** A mark of a chart: filled, hollow or crossed, so that a state never hangs on colour alone. */
export interface Mark {
  x: number;
  y: number;
  shape: 'dot' | 'cross' | 'ring';
  /** A class of the page's style. */
  className: string;
  /** For whoever points at it. */
  title: string;
}

export interface Line {
  points: readonly { x: number; y: number }[];
  className: string;
  isBroken?: boolean;
}

/** A chart that is drawn once, as SVG: it opens with no network and no script, and prints. */
export interface StillChart {
  title: string;
  x: Axis;
  y: Axis;
  lines: readonly Line[];
  marks: readonly Mark[];
  /** Between two lines, from left to right. */
  band?: readonly { x: number; low: number; high: number }[];
  /** Between two values of x: where the limit lies. */
  zone?: { from: number; to: number; label: string };
  /** A value of y that counts. */
  level?: { y: number; label: string };
}

interface Size {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** A chart of one shape is either too flat for a phone or cut by it, so there are two, of which one is seen. */
const SHAPES: readonly (readonly [className: string, size: Size])[] = [
  ['wide', { width: 900, height: 330, left: 76, right: 18, top: 24, bottom: 50 }],
  ['narrow', { width: 340, height: 270, left: 58, right: 12, top: 24, bottom: 50 }],
];
/** From the middle of a name below the axis to that of the next, so that they do not run into each other. */
const NAME_SPACE = 46;

export const CHART_STYLE = `
.still { display: block; width: 100%; height: auto; }
.still.narrow { display: none; }
@media screen and (max-width: 560px) { .still.wide { display: none; } .still.narrow { display: block; } }
.still text { fill: var(--quiet); font-size: 13px; }
.still .grid { stroke: var(--grid); }
.still .frame { stroke: var(--edge); fill: none; }
.still .band { fill: var(--series-1); fill-opacity: .15; stroke: none; }
.still .zone { fill: var(--doubtful-fill); }
.still .zone-edge { stroke: var(--doubtful); stroke-width: 1.5; }
.still .zone-label, .still .level-label { fill: var(--text); font-weight: 600; }
.still .zone-label, .still .level-label { paint-order: stroke; stroke: var(--panel); stroke-width: 4px; stroke-linejoin: round; }
.still .level { stroke: var(--bad); stroke-dasharray: 2 4; }
.still polyline { fill: none; stroke-width: 2; stroke: currentColor; stroke-opacity: .7; }
.still .one { color: var(--series-1); } .still .two { color: var(--series-2); } .still .plain { color: var(--quiet); }
.still .mark { stroke: currentColor; stroke-width: 2; fill: currentColor; }
.still .mark.ring { fill: var(--panel); }
.still .mark.cross { fill: none; stroke-width: 2.5; }
`;

export function stillChart(chart: StillChart): string {
  return SHAPES.map(([className, size]) => shaped(chart, className, size)).join('\n');
}

function shaped(chart: StillChart, className: string, size: Size): string {
  const { x, y, title } = chart;
  const across = (value: number): number | undefined =>
    spread(placeOn(x, value), size.left, size.width - size.right);
  const down = (value: number): number | undefined =>
    spread(placeOn(y, value), size.height - size.bottom, size.top);
  const path = (points: readonly { x: number; y: number }[]): string =>
    points
      .map((point) => at(across(point.x), down(point.y)))
      .filter(Boolean)
      .join(' ');
  const lines = chart.lines.map(
    ({ points, className, isBroken }) =>
      `<polyline class="${className}" points="${path(points)}"${isBroken ? ' stroke-dasharray="6 5"' : ''}/>`,
  );
  const band = chart.band
    ? `<polygon class="band" points="${path([
        ...chart.band.map((each) => ({ x: each.x, y: each.high })),
        ...chart.band.map((each) => ({ x: each.x, y: each.low })).reverse(),
      ])}"/>`
    : '';
  return `<svg class="still ${className}" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${escapeHtml(title)}">
${zoneOf(chart, across, size)}${grid(chart, across, down, size)}${band}${lines.join('')}${chart.marks
  .map((mark) => markAt(mark, across(mark.x), down(mark.y)))
  .join('')}${zoneLabel(chart, across, size)}
</svg>`;
}

type Scale = (value: number) => number | undefined;

function spread(place: number | undefined, from: number, to: number): number | undefined {
  return place === undefined ? undefined : from + place * (to - from);
}

function at(x: number | undefined, y: number | undefined): string {
  return x === undefined || y === undefined ? '' : `${x.toFixed(1)},${y.toFixed(1)}`;
}

function grid({ x, y, level }: StillChart, across: Scale, down: Scale, size: Size): string {
  const [left, right, top, bottom] = [
    size.left,
    size.width - size.right,
    size.top,
    size.height - size.bottom,
  ];
  const columns = spaced(ticksOf(x), across).map((tick) => {
    const place = (across(tick) ?? 0).toFixed(1);
    return `<line class="grid" x1="${place}" x2="${place}" y1="${top}" y2="${bottom}"/><text x="${place}" y="${bottom + 17}" text-anchor="middle">${escapeHtml(x.format(tick))}</text>`;
  });
  const rows = ticksOf(y).map((tick) => {
    const place = (down(tick) ?? 0).toFixed(1);
    return `<line class="grid" x1="${left}" x2="${right}" y1="${place}" y2="${place}"/><text x="${left - 8}" y="${place}" text-anchor="end" dominant-baseline="middle">${escapeHtml(y.format(tick))}</text>`;
  });
  const height = level ? down(level.y) : undefined;
  const limit =
    level && height !== undefined && height >= top && height <= bottom
      ? `<line class="level" x1="${left}" x2="${right}" y1="${height.toFixed(1)}" y2="${height.toFixed(1)}"/><text class="level-label" x="${left + 6}" y="${(height - 5).toFixed(1)}">${escapeHtml(level.label)}</text>`
      : '';
  return `${columns.join('')}${rows.join('')}<rect class="frame" x="${left}" y="${top}" width="${right - left}" height="${bottom - top}"/>
<text x="${left}" y="${top - 7}">${escapeHtml(y.label)}</text><text x="${right}" y="${size.height - 8}" text-anchor="end">${escapeHtml(x.label)}</text>${limit}`;
}

/** Without those whose names would run into the one before. */
function spaced(ticks: readonly number[], across: Scale): number[] {
  let named = Number.NEGATIVE_INFINITY;
  return ticks.filter((tick) => {
    const place = across(tick) ?? 0;
    if (place - named < NAME_SPACE) return false;
    named = place;
    return true;
  });
}

function zoneOf({ zone }: StillChart, across: Scale, size: Size): string {
  if (!zone) return '';
  const [from, to] = [across(zone.from), across(zone.to)];
  if (from === undefined || to === undefined) return '';
  const [top, bottom] = [size.top, size.height - size.bottom];
  return (
    `<rect class="zone" x="${from.toFixed(1)}" y="${top}" width="${Math.max(1, to - from).toFixed(1)}" height="${bottom - top}"/>` +
    `<line class="zone-edge" x1="${from.toFixed(1)}" x2="${from.toFixed(1)}" y1="${top}" y2="${bottom}"/>`
  );
}

/** Over the lines: the zone itself is below them. */
function zoneLabel({ zone }: StillChart, across: Scale, size: Size): string {
  if (!zone) return '';
  const from = across(zone.from);
  if (from === undefined) return '';
  const isRight = from > size.width / 2;
  return `<text class="zone-label" x="${(isRight ? from - 6 : from + 6).toFixed(1)}" y="${size.top + 14}" text-anchor="${isRight ? 'end' : 'start'}">${escapeHtml(zone.label)}</text>`;
}

function markAt({ shape, className, title }: Mark, x: number | undefined, y: number | undefined): string {
  if (x === undefined || y === undefined) return '';
  const said = `<title>${escapeHtml(title)}</title>`;
  const [left, high] = [x.toFixed(1), y.toFixed(1)];
  if (shape !== 'cross')
    return `<circle class="mark ${shape} ${className}" cx="${left}" cy="${high}" r="5">${said}</circle>`;
  const [a, b, c, d] = [x - 5, x + 5, y - 5, y + 5].map((value) => value.toFixed(1));
  return `<path class="mark cross ${className}" d="M${a} ${c}L${b} ${d}M${a} ${d}L${b} ${c}">${said}</path>`;
}
