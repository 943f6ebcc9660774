import type { Field, Meaning, WebSocketSettings } from '../websocket-settings.js';

type MatcherInput = Partial<Record<Field, string>> & {
  json?: Record<string, unknown>;
  text?: string;
  capture?: Record<string, string>;
  answer?: string;
};

/** Keys of `target.driver.websocket` as a user writes them; what the user writes beside `preset` wins. */
export interface WebSocketPreset
  extends Partial<Pick<WebSocketSettings, 'messages' | 'subprotocols' | 'separator'>>,
    Partial<WebSocketSettings['claims']> {
  login?: string;
  loggedIn?: MatcherInput;
  subscribe?: string;
  subscribed?: MatcherInput;
  join?: string;
  joined?: MatcherInput;
  send?: string;
  sendToGroup?: string;
  heartbeat?: string;
  match: Partial<Record<Meaning, MatcherInput | MatcherInput[]>>;
}
