import { isUtf8 } from 'node:buffer';
import { type SaxesAttributeNS, SaxesParser } from 'saxes';
import { ProtocolViolation } from '../driver.js';
import { Namespace } from './namespaces.js';

/** One element, with all that is in it. */
export interface XmlElement {
  /** Without its prefix. */
  name: string;
  namespace: string;
  /** Attributes by their names, with the prefixes that those have. */
  attributes: ReadonlyMap<string, string>;
  children: XmlElement[];
  /** Text directly in it. */
  text: string;
}

/** What the header of a stream declares: it holds for everything in the stream. */
const STREAM_NAMESPACES = { '': Namespace.Client, stream: Namespace.Streams };

/** Reads elements of a stream one by one, each of them whole. */
export class ElementReader {
  #open: XmlElement[] = [];
  #root: XmlElement | undefined;
  #parser = this.#makeParser();
  /** An error has left the parser in the middle of something. */
  #isBroken = false;

  /** @throws ProtocolViolation where it is no well-formed XML, or none that XMPP allows (RFC 6120, section 11.1) */
  read(bytes: Buffer): XmlElement {
    if (!isUtf8(bytes)) throw new ProtocolViolation('NotUtf8', 'bytes that are no UTF-8');
    if (this.#isBroken) this.#parser = this.#makeParser();
    this.#isBroken = true;
    this.#open = [];
    this.#root = undefined;
    this.#parser.write(bytes.toString()).close();
    this.#isBroken = false;
    const root = this.#root as XmlElement | undefined;
    if (!root) throw new ProtocolViolation('NotWellFormed', 'an element that is none');
    return root;
  }

  #makeParser(): SaxesParser<{ xmlns: true }> {
    const parser = new SaxesParser({
      xmlns: true,
      position: false,
      additionalNamespaces: STREAM_NAMESPACES,
    });
    const refuse = (what: string) => () => {
      throw new ProtocolViolation('RestrictedXml', `${what} in a stream`);
    };
    parser.on('error', ({ message }) => {
      throw new ProtocolViolation('NotWellFormed', message);
    });
    parser.on('doctype', refuse('a document type'));
    parser.on('comment', refuse('a comment'));
    parser.on('processinginstruction', refuse('a processing instruction'));
    parser.on('opentag', ({ local, uri, attributes }) => {
      const element = {
        name: local,
        namespace: uri,
        attributes: textsOf(attributes),
        children: [],
        text: '',
      };
      this.#open.at(-1)?.children.push(element);
      this.#root ??= element;
      this.#open.push(element);
    });
    parser.on('closetag', () => {
      this.#open.pop();
    });
    const addText = (text: string): void => {
      const element = this.#open.at(-1);
      if (element) element.text += text;
    };
    parser.on('text', addText);
    parser.on('cdata', addText);
    return parser;
  }
}

function textsOf(attributes: Record<string, SaxesAttributeNS>): Map<string, string> {
  return new Map(Object.entries(attributes).map(([name, { value }]) => [name, value]));
}

/** The first child of that name; undefined: there is none. */
export function childOf({ children }: XmlElement, namespace: string, name: string): XmlElement | undefined {
  return children.find((child) => child.name === name && child.namespace === namespace);
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '"': '&quot;',
};

/** Text as it stands in XML, also between quotes. */
export function escapeXml(text: string): string {
  return /[&<>'"]/.test(text) ? text.replace(/[&<>'"]/g, (character) => ESCAPES[character] as string) : text;
}
