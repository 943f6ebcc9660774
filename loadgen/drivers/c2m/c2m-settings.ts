import type { Credentials } from '../../../protocol/user-token.js';

export interface C2mSettings {
  /** What clients log in with; null: the server asks for nothing. */
  credentials: Credentials | null;
}
