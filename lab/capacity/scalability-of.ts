import { type Capacity, type CapacitySearch, sizeOf } from '../../record/capacity.js';
import { fitWithConfidence, TooFewLevels } from '../../record/scalability/scalability-confidence.js';

/** The law that the levels follow over the workers or nodes: of those alone at which the server was the limit. */
export function scalabilityOf(searches: readonly CapacitySearch[]): NonNullable<Capacity['scalability']> {
  const points = searches.flatMap((search) => {
    const size = sizeOf(search);
    const { end, holds } = search;
    return end === 'found' && size && holds ? [{ nodes: size.count, perSecond: holds.level }] : [];
  });
  const missing = searches.length - points.length;
  const leftOut = missing === 0 ? '' : ` (of ${missing} of ${searches.length} the limit was not found)`;
  try {
    return { points, fit: fitWithConfidence(points), refused: null };
  } catch (error) {
    if (!(error instanceof TooFewLevels)) throw error;
    return { points, fit: null, refused: `${error.message}${leftOut}` };
  }
}
