/** A connection, the file that it writes, and the one that is looked at. */
const FOR_A_CONNECTION = 3;
/** The process itself, its channel, and the files that many requests at once look at. */
const FOR_THE_REST = 64;

/** How many connections the limit of open files of this process leaves room for. */
export function connectionsThatFit(openFiles = openFilesLimit()): number {
  return Math.max(1, Math.floor((openFiles - FOR_THE_REST) / FOR_A_CONNECTION));
}

function openFilesLimit(): number {
  // Where the system has no such limit, the report has none.
  const { userLimits } = process.report.getReport() as unknown as {
    userLimits?: { open_files?: { soft: number | 'unlimited' } };
  };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}
