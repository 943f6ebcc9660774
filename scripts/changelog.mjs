/** What CHANGELOG.md has under this heading becomes the section of a release. */
const UNRELEASED = '## Unreleased';

/**
 * Moves what is unreleased under the heading of a version.
 * @param {string} text of CHANGELOG.md
 * @returns {{ text: string, notes: string }} the new text, and what the section says
 * @throws {Error} where nothing is unreleased
 */
export function releaseSection(text, version, date) {
  const lines = text.split('\n');
  const at = lines.indexOf(UNRELEASED);
  if (at < 0) throw new Error(`CHANGELOG.md has no heading "${UNRELEASED}"; write one over what is new`);
  const next = lines.findIndex((line, index) => index > at && line.startsWith('## '));
  const end = next < 0 ? lines.length : next;
  const notes = lines
    .slice(at + 1, end)
    .join('\n')
    .trim();
  if (!/^[-*] /m.test(notes)) {
    throw new Error('CHANGELOG.md has nothing under Unreleased; say there what a user would notice');
  }
  const heading = `## ${version} (${date})`;
  if (lines.some((line) => line.startsWith(`## ${version} `)))
    throw new Error(`CHANGELOG.md has a section of ${version} already`);
  const section = [UNRELEASED, '', heading, '', notes, ''];
  const rest = lines.slice(end);
  return { text: [...lines.slice(0, at), ...section, ...rest].join('\n').replace(/\n*$/, '\n'), notes };
}
