import { inflateSync } from 'node:zlib';

/** a b c d e f, as in PDF 32000-1, 8.3.3. */
type Matrix = [number, number, number, number, number, number];

const IDENTITY: Matrix = [1, 0, 0, 1, 0, 0];

/**
 * For each page of a PDF that Chromium made, the share of its height between its first word or picture and its last: 1
 * is a page printed from edge to edge, 0 a white one. Reads as much of the format as that takes.
 */
export function printedShares(pdf: Buffer): number[] {
  const text = pdf.toString('latin1');
  return [...text.matchAll(/\d+ 0 obj\s*<<\s*\/Type \/Page\s[\s\S]*?endobj/g)].map(([page]) => {
    const height = Number(/\/MediaBox \[\S+ \S+ \S+ (\S+?)\]/.exec(page)?.[1]);
    const contents = Number(/\/Contents (\d+) 0 R/.exec(page)?.[1]);
    const drawing = { resources: page, content: objectOf(pdf, text, contents).stream };
    const ink = inkOf(drawing, (id) => objectOf(pdf, text, id), IDENTITY).flat();
    return ink.length === 0 ? 0 : (Math.max(...ink) - Math.min(...ink)) / height;
  });
}

interface PdfObject {
  dictionary: string;
  /** Unpacked; empty for a picture, whose pixels are no matter. */
  stream: string;
}

function objectOf(pdf: Buffer, text: string, id: number): PdfObject {
  const start = text.indexOf(`\n${id} 0 obj`);
  const stream = text.indexOf('stream', start);
  const dictionary = text.slice(start, stream);
  if (dictionary.includes('/Subtype /Image')) return { dictionary, stream: '' };
  const length = Number(/\/Length (\d+)/.exec(dictionary)?.[1]);
  const from = stream + (text[stream + 6] === '\r' ? 8 : 7);
  return { dictionary, stream: inflateSync(pdf.subarray(from, from + length)).toString('latin1') };
}

/** From where to where words and pictures reach, each from the bottom of the page; drawings within it included. */
function inkOf(
  { resources, content }: { resources: string; content: string },
  object: (id: number) => PdfObject,
  base: Matrix,
): [number, number][] {
  const ink: [number, number][] = [];
  const saved: Matrix[] = [];
  let matrix = base;
  let line: [number, number] = [0, 0];
  let operands: string[] = [];
  for (const [token] of content.matchAll(
    /<<[\s\S]*?>>|<[0-9A-Fa-f]*>|\((?:\\.|[^\\)])*\)|[[\]]|[^\s[\]<>()]+/g,
  )) {
    if (!/^[A-Za-z'"]/.test(token)) {
      operands.push(token);
      continue;
    }
    const numbers = operands.map(Number);
    if (token === 'q') saved.push(matrix);
    else if (token === 'Q') matrix = saved.pop() ?? matrix;
    else if (token === 'cm') matrix = multiplied(numbers as Matrix, matrix);
    else if (token === 'Tm') line = [numbers[4] ?? 0, numbers[5] ?? 0];
    else if (token === 'Td') line = [line[0] + (numbers[0] ?? 0), line[1] + (numbers[1] ?? 0)];
    else if (token === 'Tj' || token === 'TJ') ink.push([yOf(matrix, ...line), yOf(matrix, ...line)]);
    else if (token === 'Do') {
      const id = new RegExp(`${operands.at(-1)} (\\d+) 0 R`).exec(resources)?.[1];
      const drawn = object(Number(id));
      if (drawn.dictionary.includes('/Subtype /Form')) {
        const own = /\/Matrix \[([^\]]+)\]/.exec(drawn.dictionary)?.[1]?.trim().split(/\s+/).map(Number);
        const inner = own ? multiplied(own as Matrix, matrix) : matrix;
        ink.push(...inkOf({ resources: drawn.dictionary, content: drawn.stream }, object, inner));
      } else {
        const corners = [yOf(matrix, 0, 0), yOf(matrix, 1, 1)];
        ink.push([Math.min(...corners), Math.max(...corners)]);
      }
    }
    operands = [];
  }
  return ink;
}

function multiplied([a, b, c, d, e, f]: Matrix, [A, B, C, D, E, F]: Matrix): Matrix {
  return [a * A + b * C, a * B + b * D, c * A + d * C, c * B + d * D, e * A + f * C + E, e * B + f * D + F];
}

function yOf([, b, , d, , f]: Matrix, x: number, y: number): number {
  return b * x + d * y + f;
}
