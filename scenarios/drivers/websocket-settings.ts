/** What a message of the server can mean. */
export const MEANINGS = [
  'delivered',
  'accepted',
  'receipted',
  'refused',
  'ping',
  'session',
  'ended',
] as const;
export type Meaning = (typeof MEANINGS)[number];

/** What is read out of a message that fits, by the name under which a matcher says where it is. */
export const FIELDS = ['payload', 'bytes', 'sequence', 'by', 'reason', 'redelivery'] as const;
export type Field = (typeof FIELDS)[number];

export type Scalar = string | number | boolean | null;

/** What stands at a path: one of these values, or anything (but null) at all. */
export type Expected = readonly Scalar[] | { exists: boolean };

/** How a message is recognized: by values at paths of its JSON, or by a regular expression over its text. */
export type MatcherSettings = (
  | { kind: 'json'; json: Readonly<Record<string, Expected>> }
  | { kind: 'text'; text: string }
) & {
  /** Values that the client keeps for `{{session.NAME}}`: by name, the path or the named group. */
  capture: Readonly<Record<string, string>>;
};

/** A template that is written, or what is waited for before the next one is. */
export type LoginEntry = string | { await: MatcherSettings };

/** A row of the table that says what messages mean. */
export type MeaningSettings = MatcherSettings & {
  means: Meaning;
  /** Path in the JSON, or name of the group; what is not here the matcher does not tell. */
  fields: Readonly<Partial<Record<Field, string>>>;
  /** Templates that are written when it fits. */
  answer: readonly string[];
};

/** What the schema (websocket-schema.ts) makes of `target.driver.websocket`; texts are templates. */
export interface WebSocketSettings {
  messages: 'text' | 'binary';
  subprotocols: readonly string[];
  /** Ends each message of the protocol within one of WebSocket; null: they are the same. */
  separator: string | null;
  token: string;
  login: readonly LoginEntry[];
  loggedIn: MatcherSettings | null;
  subscribe: readonly string[];
  subscribed: MatcherSettings | null;
  join: readonly string[];
  joined: MatcherSettings | null;
  send: string | null;
  sendToGroup: string | null;
  heartbeat: string | null;
  leave: string | null;
  /** The first that fits decides. */
  match: readonly MeaningSettings[];
  /** What nobody can see from the messages alone. */
  claims: {
    recipient: 'partner' | 'sender';
    order: 'per-sender' | 'none';
    delivery: 'at-most-once' | 'at-least-once' | 'exactly-once';
    storesForAway: boolean;
    recognizesRepetitions: boolean;
  };
  limits: { largestMessageBytes: number };
}
