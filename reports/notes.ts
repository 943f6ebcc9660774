/** Notes that say the same, told once. */
export interface FoldedNote {
  /** The first of them. */
  text: string;
  /** How often it stands there, word for word or with other figures. */
  count: number;
  /** Those that differ from the first, in their figures alone. */
  others: string[];
}

/** Folds notes that are equal but for their figures, in the order in which each first came. */
export function foldNotes(notes: readonly string[]): FoldedNote[] {
  const folded = new Map<string, FoldedNote>();
  for (const text of notes) {
    const kind = text.replace(/\d[\d.,]*/g, '#');
    const note = folded.get(kind);
    if (!note) {
      folded.set(kind, { text, count: 1, others: [] });
      continue;
    }
    note.count += 1;
    if (text !== note.text) note.others.push(text);
  }
  return [...folded.values()];
}

/** The note with how often it came: `… (3 times)`. */
export function noteWords({ text, count, others }: FoldedNote): string {
  if (count === 1) return text;
  return `${text} (${count} times${others.length > 0 ? ', with other figures' : ''})`;
}
