import { QUANTITIES, type QuantityKind } from '../record/quantity.js';
import type { ZodNode } from './zod-node.js';

/** As `record/quantity.ts` reads them. */
const NUMBER = String.raw`\d+(?:_\d+)*(?:\.\d+)?`;

/** A variable of the environment, alone or with a unit. */
const VARIABLE = String.raw`.*\$\{.*`;

/** A figure as people write it: `500/s`, `64KiB`, `30s`. Texts have a pattern, numbers bounds; both in one, without branches. */
export function quantitySchema(
  kind: QuantityKind,
  { bounds, isRamp = false }: Pick<ZodNode, 'bounds' | 'isRamp'>,
): Record<string, unknown> {
  const pattern = `^(?:\\s*(?:${isRamp ? rampPattern() : patternOf(kind)})\\s*|${VARIABLE})$`;
  const { noun, hint } = QUANTITIES[kind];
  // What editors with the language server for YAML say instead of the pattern.
  const patternErrorMessage = `This is not ${noun}; ${hint}.`;
  const texts = { pattern, patternErrorMessage, ...examplesOf(kind, isRamp) };
  const { min = 0, max } = bounds ?? {};
  switch (kind) {
    case 'count':
      return {
        type: ['integer', 'string'],
        minimum: Math.ceil(min),
        ...(max !== undefined && { maximum: max }),
        ...texts,
      };
    case 'share':
      return { type: ['string', 'number'], minimum: 0, maximum: 1, ...texts };
    default:
      // Nothing is nothing in every unit.
      return { type: ['string', 'integer'], minimum: 0, maximum: 0, ...texts };
  }
}

function patternOf(kind: QuantityKind): string {
  const units = Object.keys(QUANTITIES[kind].units).join('|');
  switch (kind) {
    case 'duration':
      return `(?:${NUMBER}\\s*(?:${units})\\s*)+|0`;
    case 'count':
      return '\\d+(?:_\\d+)*';
    case 'share':
      return `${NUMBER}\\s*%?`;
    default:
      return `${NUMBER}\\s*(?:${units})|0`;
  }
}

function rampPattern(): string {
  const rate = patternOf('rate');
  return `(?:${rate})(?:\\s*\\.\\.\\s*(?:${rate}))?`;
}

const EXAMPLES: Record<QuantityKind, string[]> = {
  duration: ['30s', '500ms', '1m30s'],
  rate: ['500/s', '30/m'],
  size: ['100B', '64KiB', '1MiB'],
  share: ['33%'],
  count: ['5000'],
};

function examplesOf(kind: QuantityKind, isRamp: boolean): { examples: string[] } {
  return { examples: isRamp ? [...EXAMPLES.rate, '1000/s..50000/s'] : EXAMPLES[kind] };
}
