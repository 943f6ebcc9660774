import { isText } from './byte-text.js';
import { Byte, isBlank } from './element-scanner.js';

/** Reads one tag after another, its name and then attribute by attribute, without making anything of them. */
export class TagReader {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  nameStart = 0;
  nameEnd = 0;
  /** Of the attribute that `next` has found. */
  attributeStart = 0;
  attributeEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  /** It is not of the form that is read here: an attribute is no name="value" without entities. */
  isUncommon = false;

  /** Hot path. @param end behind the `>` */
  begin(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    const isClosing = bytes[start + 1] === Byte.Slash;
    const isSelfClosing = bytes[end - 2] === Byte.Slash && !isClosing;
    this.#end = isSelfClosing ? end - 2 : end - 1;
    this.nameStart = isClosing ? start + 2 : start + 1;
    let at = this.nameStart;
    while (at < this.#end && !isBlank(bytes[at] as number)) at += 1;
    this.nameEnd = at;
    this.#at = at;
    this.isUncommon = false;
  }

  /** Hot path. Goes to the next attribute; false: there is none, or it is uncommon. */
  next(): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#skipBlanks(this.#at);
    if (at === end) return false;
    this.attributeStart = at;
    while (at < end && bytes[at] !== Byte.Equals && !isBlank(bytes[at] as number)) at += 1;
    this.attributeEnd = at;
    at = this.#skipBlanks(at);
    if (bytes[at] !== Byte.Equals || at >= end) return this.#giveUp();
    at = this.#skipBlanks(at + 1);
    const quote = bytes[at];
    if ((quote !== Byte.Apostrophe && quote !== Byte.Quote) || at >= end) return this.#giveUp();
    at += 1;
    this.valueStart = at;
    for (; at < end && bytes[at] !== quote; at += 1) if (bytes[at] === Byte.Ampersand) return this.#giveUp();
    if (at >= end) return this.#giveUp();
    this.valueEnd = at;
    this.#at = at + 1;
    return true;
  }

  /** Hot path. Whether the name is one of a namespace that is declared elsewhere. */
  hasPrefix(): boolean {
    let at = this.nameStart;
    while (at < this.nameEnd && this.#bytes[at] !== Byte.Colon) at += 1;
    return at < this.nameEnd;
  }

  /** Hot path. */
  isNamed(name: string): boolean {
    return isText(this.#bytes, this.nameStart, this.nameEnd, name);
  }

  /** Hot path. */
  isAttribute(name: string): boolean {
    return isText(this.#bytes, this.attributeStart, this.attributeEnd, name);
  }

  /** Hot path. */
  isValue(value: string): boolean {
    return isText(this.#bytes, this.valueStart, this.valueEnd, value);
  }

  #skipBlanks(from: number): number {
    let at = from;
    while (at < this.#end && isBlank(this.#bytes[at] as number)) at += 1;
    return at;
  }

  #giveUp(): false {
    this.isUncommon = true;
    return false;
  }
}
