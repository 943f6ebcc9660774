import { CAPACITY_FILES, type Capacity, capacityText, writeCapacityFile } from '../record/capacity.js';
import { explained } from './capacity/explained.js';
import { capacityPage } from './html/capacity-page.js';

/**
 * Writes capacity.json, with the words for it, and the page that is made of it, beside the records of its trials.
 * @throws RecordError where a trial that broke has a record that cannot be read
 */
export async function writeCapacity(
  folder: string,
  measured: Capacity,
): Promise<{ capacity: Capacity; text: string }> {
  const capacity = await explained(folder, measured);
  const text = capacityText(capacity);
  await writeCapacityFile(folder, CAPACITY_FILES.capacity, text);
  await writeCapacityFile(folder, CAPACITY_FILES.html, capacityPage(capacity));
  return { capacity, text };
}
