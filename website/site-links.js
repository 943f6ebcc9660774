import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, normalize, relative } from 'node:path/posix';

/** Where a file of the repository is on the site; undefined: it is not on it. */
export function placeOf(file) {
  if (file === 'docs/README.md') return 'index.html';
  const inside = file.startsWith('docs/') ? file.slice('docs/'.length) : undefined;
  if (!file.endsWith('.md')) return inside;
  if (inside === undefined && file.includes('/')) return undefined;
  return (inside ?? file.toLowerCase()).replace(/README\.md$/, 'index.md').replace(/\.md$/, '.html');
}

/** Whether a folder has all that a report is made from. */
export function isWholeRecord(folder) {
  return ['run.json', 'timeline.ndjson', 'latency.hlog'].every((file) => existsSync(join(folder, file)));
}

/**
 * A link of a page as the site has it. A record leads to its report, where the site has that.
 * @param from the page, a path in the repository
 * @returns undefined for what is in the repository alone
 * @throws Error for a link that leads nowhere
 */
export function siteLink(from, link) {
  if (/^([a-z]+:|#)/.test(link)) return link;
  const [path, id] = link.split('#');
  const file = fileAt(normalize(join(dirname(from), decodeURIComponent(path))));
  if (file === undefined) throw new Error(`${from}: ${link} leads nowhere`);
  const place = shownAt(file);
  if (place === undefined) return undefined;
  const there = relative(dirname(placeOf(from)), place) || basename(place);
  return id === undefined ? there : `${there}#${id}`;
}

/** A folder stands for its README. Undefined: there is neither. */
function fileAt(path) {
  if (!existsSync(path)) return undefined;
  const readme = join(path, 'README.md');
  return statSync(path).isDirectory() && existsSync(readme) ? readme : path;
}

function shownAt(file) {
  if (statSync(file).isDirectory()) return undefined;
  const isRecord = basename(file) === 'run.json' && isWholeRecord(dirname(file));
  return placeOf(isRecord ? join(dirname(file), 'report.html') : file);
}
