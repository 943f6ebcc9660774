import { createRequire } from 'node:module';

/**
 * Parts of c2m that are native code. npm brings them ready made for the usual systems, and installs c2m without them
 * where there are none (optionalDependencies): what needs none of them works then, and what does says so.
 */
export type NativePart = 'koffi' | 'lmdb' | 'sharp';

/** What each is for, and how to go on without it. */
export const NATIVE_PARTS: Readonly<Record<NativePart, { does: string; without: string }>> = {
  lmdb: {
    does: 'keeps mailboxes on disk',
    without:
      'keep mailboxes in memory: c2m serve --store memory, or in a scenario target.embedded.store: memory',
  },
  koffi: {
    does: 'calls the C library, for locks on folders and for packets',
    without: 'keep mailboxes in memory, leave media out, and write generator.transport: sockets',
  },
  sharp: {
    does: 'reads and makes pictures',
    without: 'run scenarios without media; the server keeps pictures without thumbnails',
  },
};

/** A part that is not there, or is of another system. */
export class MissingPartError extends Error {
  readonly code = 'C2M_MISSING_PART';
  readonly part: NativePart;

  constructor(part: NativePart, reason: string) {
    const { does, without } = NATIVE_PARTS[part];
    super(
      `${part} is missing here (${reason}), which ${does}; install it with \`npm install ${part}\` beside c2m, or ${without}`,
    );
    this.part = part;
  }
}

interface Loaded {
  koffi: typeof import('koffi');
  sharp: typeof import('sharp')['default'];
}

const require = createRequire(import.meta.url);

/**
 * Loads a part, where it is used for the first time.
 * @throws MissingPartError
 */
export function loadPart<Part extends keyof Loaded>(part: Part): Loaded[Part] {
  try {
    return require(part) as Loaded[Part];
  } catch (error) {
    throw new MissingPartError(part, reasonOf(error));
  }
}

/**
 * Looks whether a part is installed and loads nothing, for whoever has another process load it later.
 * @throws MissingPartError
 */
export function demandInstalled(part: NativePart): void {
  try {
    require.resolve(part);
  } catch (error) {
    throw new MissingPartError(part, reasonOf(error));
  }
}

/**
 * Loads a part for modules that import it.
 * @throws MissingPartError
 */
export async function demandPart(part: NativePart): Promise<void> {
  const why = await whyMissing(part);
  if (why !== null) throw new MissingPartError(part, why);
}

/** Loads a part to see whether it works. Null: it does. */
export async function whyMissing(part: NativePart): Promise<string | null> {
  try {
    await import(part);
    return null;
  } catch (error) {
    return reasonOf(error);
  }
}

/** In one line: those of native loaders list every place where they have looked. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') return 'it is not installed';
  return message.split('\n', 1)[0] ?? message;
}
