// Prints how large the package is, by folder, and fails where it has grown past what scripts/package-size.json allows.
//   npm run package-size
//   npm run package-size -- --update   takes today's size for what is allowed
//   npm run package-size -- --json     the same for programs, with the list of its files
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const KNOWN = new URL('./package-size.json', import.meta.url);
/** Room for what is added between two looks; more is looked at. */
const MOST_GROWTH = 1.25;
/** Growth of a folder that is worth a word. */
const TOLD_BYTES = 2048;

const package_ = pack();
const flags = process.argv.slice(2);
if (flags.includes('--update')) {
  const { files: _, ...known } = package_;
  writeFileSync(KNOWN, `${JSON.stringify(known, null, 2)}\n`);
}
console.log(flags.includes('--json') ? JSON.stringify(package_) : sizeText(package_));
const known = JSON.parse(readFileSync(KNOWN, 'utf8'));
if (package_.packedBytes > known.packedBytes * MOST_GROWTH) {
  console.error(
    `\nThe package has grown from ${kib(known.packedBytes)} to ${kib(package_.packedBytes)}, by more than ` +
      `${Math.round(100 * (MOST_GROWTH - 1))} %:\n${growthText(known)}\n` +
      'Leave out what nobody needs who installs it (package.json: files), or take the new size with `npm run package-size -- --update`.',
  );
  process.exitCode = 1;
}

/** What `npm pack` would send, of the dist/ that is there. */
function pack() {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 64 * 2 ** 20,
  });
  const [{ size, unpackedSize, files }] = JSON.parse(output);
  const folders = {};
  for (const file of files) folders[folderOf(file.path)] = (folders[folderOf(file.path)] ?? 0) + file.size;
  return {
    packedBytes: size,
    unpackedBytes: unpackedSize,
    folders: Object.fromEntries(Object.entries(folders).sort()),
    files: files.map(({ path }) => path),
  };
}

/** `dist/server`, `docs`, or `.` for what lies at the root. */
function folderOf(path) {
  const [first, second, third] = path.split('/');
  if (second === undefined) return '.';
  return first === 'dist' && third !== undefined ? `${first}/${second}` : first;
}

function sizeText({ packedBytes, unpackedBytes, folders, files }) {
  const rows = Object.entries(folders)
    .sort(([, one], [, other]) => other - one)
    .map(([folder, bytes]) => `  ${folder.padEnd(18)} ${kib(bytes).padStart(10)}`);
  return `${kib(packedBytes)} packed, ${kib(unpackedBytes)} in ${files.length} files:\n${rows.join('\n')}`;
}

function growthText(known) {
  const grown = Object.entries(package_.folders)
    .map(([folder, bytes]) => ({ folder, more: bytes - (known.folders[folder] ?? 0) }))
    .filter(({ more }) => more > TOLD_BYTES)
    .sort((one, other) => other.more - one.more);
  return grown.map(({ folder, more }) => `  ${folder.padEnd(18)} +${kib(more)}`).join('\n');
}

function kib(bytes) {
  return `${Math.round(bytes / 1024)} KiB`;
}
