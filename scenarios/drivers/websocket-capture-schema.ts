import { z } from 'zod';
import { didYouMean } from '../../record/near-match.js';
import { sessionNames } from './websocket-template.js';

const NAME = /^\w+$/;

/** What a client keeps of a message that fits, by the name under which templates have it. */
export const captureSchema = z
  .record(
    z.string(),
    z.string('must be a path, such as data.token').min(1, 'must not be empty'),
    'must be a map of names to paths, such as {token: data.token}',
  )
  .superRefine((capture, context) => {
    const refuse = (message: string, path: string[] = []): void =>
      context.addIssue({ code: 'custom', message, path });
    const names = Object.keys(capture);
    if (names.length === 0) refuse('must have at least one name, such as {token: data.token}');
    for (const name of names)
      if (!NAME.test(name)) refuse('is no name; write letters, digits and _ alone', [name]);
  })
  .optional()
  .meta({
    description:
      'What the client keeps of the message for its templates, as `{{session.NAME}}`: by name, the path, or the named group of `text`.',
    shape: 'map of names to paths',
  });

/** A template of the settings, and the key that it stands at. */
export interface PlacedTemplate {
  path: string[];
  template: string;
}

/** Values of the session that a template asks for and no matcher captures. */
export function uncaptured(
  templates: readonly PlacedTemplate[],
  captured: ReadonlySet<string>,
): { path: string[]; message: string }[] {
  return templates.flatMap(({ path, template }) =>
    sessionNames(template)
      .filter((name) => !captured.has(name))
      .map((name) => ({
        path,
        message: `{{session.${name}}} is captured by no matcher${
          didYouMean(name, captured) ||
          `; write capture: {${name}: <path>} beside the json or text of the message that brings it`
        }`,
      })),
  );
}
