import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, normalize } from 'node:path/posix';
import { layout } from './layout.js';
import { extendMarkdown } from './markdown.js';
import { SECTIONS } from './pages.js';
import { isWholeRecord, placeOf } from './site-links.js';

const OF_THE_ROOT = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];

/** The site: docs/ and some pages of the root, as files that need no server. A link that leads nowhere ends the build. */
export default function configure(eleventy) {
  const named = SECTIONS.flatMap(({ pages }) => pages);
  const others = ['docs', 'docs/guide', 'docs/cookbook']
    .flatMap(pagesIn)
    .filter((page) => page !== 'docs/README.md' && !named.includes(page));
  const sections = SECTIONS.map(({ title, pages, takesOthers }) => ({
    title,
    pages: [...pages, ...(takesOthers ? others : [])].map((file) => ({ file, title: menuTitleOf(file) })),
  }));

  eleventy.amendLibrary('md', (markdown) => extendMarkdown(markdown, ({ page }) => fileOf(page)));
  for (const file of OF_THE_ROOT) eleventy.addTemplate(file, readFileSync(file, 'utf8'), {});
  eleventy.addGlobalData('eleventyComputed', { permalink: ({ page }) => placeOf(fileOf(page)) });
  eleventy.addTransform('layout', function (content) {
    const file = fileOf(this.page);
    return layout({ file, title: titleOf(file), content, sections });
  });
  for (const ending of ['png', 'webp', 'svg', 'json', 'yaml', 'html'])
    eleventy.addPassthroughCopy(`docs/**/*.${ending}`);
  eleventy.on('eleventy.after', ({ directories }) => writeReports(directories.output));
}

export const config = {
  dir: { input: 'docs', output: 'site' },
  templateFormats: ['md'],
  // {{user}} is what templates of drivers hold: no page is a template of Eleventy.
  markdownTemplateEngine: false,
};

/** Of the repository: the pages of the root are given to Eleventy as if they were in docs/. */
function fileOf({ inputPath }) {
  const file = normalize(inputPath);
  const ofRoot = OF_THE_ROOT.find((page) => file === `docs/${page}`);
  return ofRoot ?? file;
}

function titleOf(file) {
  return /^# (.+)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? file;
}

/** The first page of a section tells what is in it. */
function menuTitleOf(file) {
  return file.endsWith('/README.md') ? 'Overview' : titleOf(file);
}

function pagesIn(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map(({ name }) => join(folder, name))
    .sort();
}

/** The report of each record in docs/, made from it as `c2m report` makes it. */
async function writeReports(output) {
  const { readRunRecord } = await import('../dist/record/folder.js');
  const { readReportedRun } = await import('../dist/reports/reported-run.js');
  const { htmlReport } = await import('../dist/reports/html/page.js');
  const folders = readdirSync('docs', { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(isWholeRecord);
  for (const folder of folders) {
    const html = await htmlReport(await readReportedRun(folder, await readRunRecord(folder)));
    const place = join(output, folder.slice('docs/'.length));
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'report.html'), html);
  }
}
