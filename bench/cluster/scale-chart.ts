import {
  type ScalabilityLaw,
  type ScalePoint,
  throughputAt,
} from '../../record/scalability/scalability-law.js';

const WIDTH = 640;
const HEIGHT = 320;
const MARGIN = { left: 70, right: 20, top: 40, bottom: 50 };
const CURVE_POINTS = 100;

/** What was measured as dots, and the law apart from it, as a broken line: an SVG that needs nothing beside it. */
export function scaleChart(points: readonly ScalePoint[], law: ScalabilityLaw, mostNodes: number): string {
  const curve = Array.from(
    { length: CURVE_POINTS + 1 },
    (_, at) => 1 + ((mostNodes - 1) * at) / CURVE_POINTS,
  );
  const top = Math.max(
    ...points.map(({ perSecond }) => perSecond),
    ...curve.map((nodes) => throughputAt(law, nodes)),
  );
  const x = (nodes: number): string =>
    (MARGIN.left + ((nodes - 1) / (mostNodes - 1)) * (WIDTH - MARGIN.left - MARGIN.right)).toFixed(1);
  const y = (perSecond: number): string =>
    (HEIGHT - MARGIN.bottom - (perSecond / top) * (HEIGHT - MARGIN.top - MARGIN.bottom)).toFixed(1);
  const line = curve.map((nodes) => `${x(nodes)},${y(throughputAt(law, nodes))}`).join(' ');
  const dots = points.map(
    ({ nodes, perSecond }) => `<circle cx="${x(nodes)}" cy="${y(perSecond)}" r="5" fill="#0a7"/>`,
  );
  const xLabels = [1, 2, 4, 8, 16, 32]
    .filter((nodes) => nodes <= mostNodes)
    .map((nodes) => `<text x="${x(nodes)}" y="${HEIGHT - 30}" text-anchor="middle">${nodes}</text>`);
  const yLabels = [0, 0.5, 1].map(
    (share) =>
      `<text x="${MARGIN.left - 8}" y="${y(share * top)}" text-anchor="end" dominant-baseline="middle">${Math.round(share * top).toLocaleString('en-US')}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>Messages a second by the number of nodes</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>
<text x="${MARGIN.left}" y="20">Messages a second by nodes: measured (dots), and the law fitted to it (broken line, projected)</text>
<path d="M${MARGIN.left} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}H${WIDTH - MARGIN.right}" fill="none" stroke="#888"/>
<polyline points="${line}" fill="none" stroke="#888" stroke-dasharray="6 5"/>
${[...dots, ...xLabels, ...yLabels].join('\n')}
<text x="${WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">nodes, all on the same cores</text>
</svg>
`;
}
