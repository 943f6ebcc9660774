import type { ClientRange } from '../driver.js';

/** A subject with a number in it: `c2m.user.{user}`. */
export interface NumberedSubject {
  before: string;
  behind: string;
}

/** @param template has one placeholder, as the schema has made sure */
export function numberedSubject(template: string): NumberedSubject {
  const [before = '', behind = ''] = template.split(/\{\w+\}/, 2);
  return { before, behind };
}

export function subjectOf({ before, behind }: NumberedSubject, number: number): string {
  return `${before}${number}${behind}`;
}

/** Matches all of them. */
export function wildcardOf({ before, behind }: NumberedSubject): string {
  return `${before}*${behind}`;
}

/** User that a client is. */
export function userOf({ firstUser }: ClientRange, client: number): number {
  return firstUser + client;
}

/** Group of a client: it is called after its first member. */
export function groupOf(clients: ClientRange, client: number): number {
  return userOf(clients, client - (client % (clients.groupMembers ?? 1)));
}
