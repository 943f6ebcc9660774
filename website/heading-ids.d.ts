/** @returns gives each heading of one page its id, in their order */
export function headingIds(): (text: string) => string;
