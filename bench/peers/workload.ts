/** What every tool is asked for, so that their figures stand beside each other. */
export interface Workload {
  clients: number;
  /** Messages a second, of all clients together. */
  rate: number;
  /** That are measured, once all talk. */
  seconds: number;
  /** Of a message, before a text protocol turns it into Base64. */
  messageBytes: number;
  /** With which all tools bring their clients in. */
  connectsPerSecond: number;
}

/** Traffic that passes before anything is measured: connections of the last clients, and the first compilations. */
export const WARM_SECONDS = 1.5;

/** How long a tool has to talk: warm, measured, and three seconds for a counter that ticks once a second. */
export function talkSeconds({ seconds }: Workload): number {
  return Math.ceil(WARM_SECONDS + seconds + 3);
}

/** The message as its text protocols carry it. */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}
