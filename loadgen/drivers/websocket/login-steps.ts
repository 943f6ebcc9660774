import type {
  LoginEntry,
  MatcherSettings,
  WebSocketSettings,
} from '../../../scenarios/drivers/websocket-settings.js';
import { type Matcher, makeMatcher } from './matcher.js';
import type { Capture } from './session-values.js';
import { compileTemplate, type Template, type TemplateContext } from './template.js';

/** What a client writes on its way in, and what it then waits for; undefined: for nothing. */
export interface LoginStep {
  write: readonly Template[];
  until: { matcher: Matcher; captures: readonly Capture[] } | undefined;
}

/** Login, subscription, group: what a scenario does not have is no step. */
export function loginSteps(
  settings: WebSocketSettings,
  context: TemplateContext,
  hasGroups: boolean,
): LoginStep[] {
  const { login, loggedIn, subscribe, subscribed, join, joined } = settings;
  const steps = (entries: readonly LoginEntry[], last: MatcherSettings | null): LoginStep[] => {
    const made: LoginStep[] = [];
    let write: Template[] = [];
    const waitFor = (settings: MatcherSettings | null): void => {
      if (write.length > 0 || settings) made.push({ write, until: settings ? awaited(settings) : undefined });
      write = [];
    };
    for (const entry of entries) {
      if (typeof entry === 'string') write.push(compileTemplate(entry, context));
      else waitFor(entry.await);
    }
    waitFor(last);
    return made;
  };
  const awaited = (settings: MatcherSettings) => {
    const matcher = makeMatcher(settings);
    return { matcher, captures: context.session.capturesOf(settings, matcher) };
  };
  return [
    ...steps(login, loggedIn),
    ...steps(subscribe, subscribed),
    ...(hasGroups ? steps(join, joined) : []),
  ];
}
