import { InputError } from '../record/input-error.js';

/** @throws InputError */
export function readPort(option: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InputError(`${option}: "${text}" is no port; write a number up to 65535, such as ${option}=8800`);
}
