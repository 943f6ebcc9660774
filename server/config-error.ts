/** A configuration that cannot be used; the message says which value and what would be right. */
export class ConfigError extends Error {
  readonly code = 'C2M_SERVER_CONFIG';
}
