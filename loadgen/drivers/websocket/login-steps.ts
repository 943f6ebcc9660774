import type { MatcherSettings, WebSocketSettings } from '../../../scenarios/drivers/websocket-settings.js';
import { type Matcher, makeMatcher } from './matcher.js';
import { compileTemplate, type Template, type TemplateContext } from './template.js';

/** What a client writes on its way in, and what it then waits for; undefined: for nothing. */
export interface LoginStep {
  write: readonly Template[];
  until: Matcher | undefined;
}

/** Login, subscription, group: what a scenario does not have is no step. */
export function loginSteps(
  settings: WebSocketSettings,
  context: TemplateContext,
  hasGroups: boolean,
): LoginStep[] {
  const { login, loggedIn, subscribe, subscribed, join, joined } = settings;
  const step = (templates: readonly string[], until: MatcherSettings | null): LoginStep[] => {
    if (templates.length === 0 && until === null) return [];
    const write = templates.map((each) => compileTemplate(each, context));
    return [{ write, until: until === null ? undefined : makeMatcher(until) }];
  };
  return [...step(login, loggedIn), ...step(subscribe, subscribed), ...(hasGroups ? step(join, joined) : [])];
}
