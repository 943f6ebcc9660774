import { InputError } from '../input-error.js';
import { quote } from '../quantity.js';

/** Records in a branch of this repository: `branch:c2m-baseline`, `branch:c2m-baseline:chat`. */
export interface BranchAddress {
  branch: string;
  /** Folder within it; empty: the root. */
  path: string;
}

const PREFIX = 'branch:';

/** @returns undefined for what is a folder @throws InputError for what is neither */
export function parseBranchAddress(text: string): BranchAddress | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const [branch = '', path = '', ...more] = text.slice(PREFIX.length).split(':');
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  // Git takes a name that begins with - for an option, and a pattern for several.
  const isName = /^[\w][\w./+@-]*$/.test(branch) && !/\.\.|\/\/|@\{|[./]$|\.lock$/.test(branch);
  const isPath = !parts.some((part) => part === '..' || part === '.git' || /[\p{Cc}\\*?[]/u.test(part));
  if (!isName || !isPath || more.length > 0) {
    throw new InputError(
      `${quote(text)} is no branch with records; write branch:NAME or branch:NAME:FOLDER, such as branch:c2m-baseline:chat`,
    );
  }
  return { branch, path: parts.join('/') };
}

export function branchAddressText({ branch, path }: BranchAddress): string {
  return `${PREFIX}${branch}${path === '' ? '' : `:${path}`}`;
}
