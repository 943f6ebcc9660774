import { InputError } from '../record/input-error.js';
import { decodeText, InputFileError, readTextFile } from '../record/input-file.js';
import { LARGEST_YAML_BYTES, parseYaml, YamlInputError } from '../scenarios/yaml-input.js';

const LARGEST_SECRET_BYTES = 16 * 1024;

/**
 * A file of settings, in YAML or JSON, as plain data.
 * @throws InputError, InputFileError
 */
export async function readYamlFile(file: string): Promise<unknown> {
  const text = await readTextFile(file, LARGEST_YAML_BYTES);
  try {
    return parseYaml(text).content;
  } catch (error) {
    if (!(error instanceof YamlInputError)) throw error;
    throw new InputError(error.issues.map(({ line, message }) => `${file}:${line} ${message}`).join('\n'));
  }
}

/**
 * A secret from a file of its own; the end of its line does not belong to it.
 * @throws InputError, InputFileError
 */
export async function readSecretFile(file: string): Promise<string> {
  return secretIn(await readTextFile(file, LARGEST_SECRET_BYTES), file);
}

/** The same from standard input, up to its end. */
export async function readSecretInput(input: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of input) {
    length += chunk.length;
    if (length > LARGEST_SECRET_BYTES) {
      throw new InputFileError(
        'standard input',
        `has more than ${LARGEST_SECRET_BYTES / 1024} KiB; is it a secret?`,
      );
    }
    chunks.push(chunk);
  }
  return secretIn(decodeText('standard input', Buffer.concat(chunks)), 'standard input');
}

function secretIn(text: string, place: string): string {
  const secret = text.trim();
  if (secret === '')
    throw new InputError(`${place} holds no secret; write one of 16 characters or more into it`);
  return secret;
}
