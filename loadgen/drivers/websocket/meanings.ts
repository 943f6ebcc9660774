import type { Field, Meaning, MeaningSettings } from '../../../scenarios/drivers/websocket-settings.js';
import type { Incoming } from './incoming.js';
import { type Matcher, makeMatcher, type Place } from './matcher.js';
import type { Capture } from './session-values.js';
import { compileTemplate, type Template, type TemplateContext } from './template.js';

/** A row of the table that says what messages mean. */
export interface MeaningRow {
  means: Meaning;
  matcher: Matcher;
  places: Readonly<Partial<Record<Field, Place>>>;
  captures: readonly Capture[];
  answer: readonly Template[];
}

/** @param incoming the message that matchers look at, and that answers are made from */
export function meaningTable(
  rows: readonly MeaningSettings[],
  context: TemplateContext,
  incoming: Incoming,
): MeaningRow[] {
  return rows.map(({ means, fields, answer, ...settings }) => {
    const matcher = makeMatcher(settings);
    const places = Object.fromEntries(
      Object.entries(fields).map(([field, path]) => [field, matcher.placeOf(path)]),
    );
    const answered = { matcher, incoming };
    return {
      means,
      matcher,
      places,
      captures: context.session.capturesOf(settings, matcher),
      answer: answer.map((each) => compileTemplate(each, context, answered)),
    };
  });
}

/** Hot path. What stands in a message that the row fits. */
export function fieldOf({ matcher, places }: MeaningRow, field: Field, incoming: Incoming): unknown {
  const place = places[field];
  return place === undefined ? undefined : matcher.valueAt(incoming, place);
}
