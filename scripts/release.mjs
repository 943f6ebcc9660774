// Makes a release: looks whether everything is in order, gives CHANGELOG.md a section, package.json its version, and commits
// and tags that. It pushes and publishes nothing.
//   npm run release -- minor          says what it would do
//   npm run release -- 1.0.0 --do     does it
//   npm run release -- patch --do --checked     the same where CI has passed already
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { releaseSection } from './changelog.mjs';

const BRANCH = 'main';
/** What has to pass, as somebody would type it. */
const CHECKS = ['npm run check', 'npm test', 'npm run api -- --check', 'npm run package-size'];

const [wanted, ...flags] = process.argv.slice(2);
const unknown = flags.filter((flag) => !['--do', '--checked'].includes(flag));
const [isDone, isChecked] = [flags.includes('--do'), flags.includes('--checked')];

try {
  release();
} catch (error) {
  console.error(`✘ ${error.message}`);
  process.exitCode = 1;
}

function release() {
  if (!wanted || unknown.length > 0)
    throw new Error('write npm run release -- <major|minor|patch|1.2.3> [--do] [--checked]');
  const manifest = readJson('package.json');
  const version = nextVersion(manifest.version, wanted);
  const tag = `v${version}`;
  const date = new Date().toISOString().slice(0, 10);
  demandTidy(tag);
  const changelog = releaseSection(readFileSync('CHANGELOG.md', 'utf8'), version, date);
  console.log(`c2m ${manifest.version} -> ${version}, ${date}\n\n${changelog.notes}\n`);
  if (!isDone) {
    const checks = isChecked ? '' : `run ${CHECKS.join(', ')}, then `;
    console.log(
      `Nothing was changed. With --do it would ${checks}write CHANGELOG.md, package.json and package-lock.json, ` +
        `commit "Release ${version}" and tag ${tag}.`,
    );
    return;
  }
  if (!isChecked) for (const check of CHECKS) demandPassed(check);
  writeFileSync('CHANGELOG.md', changelog.text);
  writeVersion(version);
  git(
    'commit',
    '--quiet',
    '--message',
    `Release ${version}`,
    '--',
    'CHANGELOG.md',
    'package.json',
    'package-lock.json',
  );
  git('tag', '--annotate', '--cleanup=verbatim', tag, '--message', `c2m ${version}\n\n${changelog.notes}\n`);
  console.log(nextSteps(manifest, tag));
}

function nextVersion(current, asked) {
  const numbers = numbersOf(current);
  const at = ['major', 'minor', 'patch'].indexOf(asked);
  const next =
    at < 0 ? numbersOf(asked) : numbers.map((number, i) => (i < at ? number : i === at ? number + 1 : 0));
  const order = next.map((number, i) => number - numbers[i]).find((difference) => difference !== 0) ?? 0;
  // The version of today may be released for the first time; its tag says whether it was.
  if (order < 0) throw new Error(`${asked} comes before ${current}; name a version behind it`);
  return next.join('.');
}

function numbersOf(version) {
  const [, ...numbers] = /^(\d+)\.(\d+)\.(\d+)$/.exec(version) ?? [];
  if (numbers.length === 0) throw new Error(`"${version}" is no version; write major, minor, patch or 1.2.3`);
  return numbers.map(Number);
}

function demandTidy(tag) {
  const branch = git('rev-parse', '--abbrev-ref', 'HEAD');
  if (branch !== BRANCH) throw new Error(`this is the branch ${branch}; releases are made on ${BRANCH}`);
  const changed = git('status', '--porcelain');
  if (changed !== '')
    throw new Error(`the work tree is not clean; commit this first, or take it away:\n${changed}`);
  if (git('tag', '--list', tag) !== '')
    throw new Error(`there is a tag ${tag} already; name another version`);
}

function demandPassed(check) {
  console.log(`$ ${check}`);
  const [program, ...argv] = check.split(' ');
  const { status } = spawnSync(program, argv, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${check} failed; nothing was changed`);
  const changed = git('status', '--porcelain');
  if (changed !== '') throw new Error(`${check} has changed files; commit them first:\n${changed}`);
}

function writeVersion(version) {
  const manifest = readJson('package.json');
  writeJson('package.json', { ...manifest, version });
  const lock = readJson('package-lock.json');
  lock.version = version;
  lock.packages[''].version = version;
  writeJson('package-lock.json', lock);
}

function nextSteps({ repository }, tag) {
  return [
    `✔ committed and tagged ${tag}. What is left:`,
    `  git push --follow-tags origin ${BRANCH}`,
    '  npm publish     in a CI job that may ask for an OIDC token: publishConfig wants provenance',
    ...(repository
      ? []
      : ['  before that: package.json needs `repository`, which the provenance is checked against']),
  ].join('\n');
}

function git(...argv) {
  return execFileSync('git', argv, { encoding: 'utf8' }).trim();
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function writeJson(file, value) {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}
