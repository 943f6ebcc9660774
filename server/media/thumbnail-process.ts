import { MissingPartError } from '../../native/native-part.js';
import { type PictureError, prepareDecoding, thumbnailOf } from './thumbnail.js';

/** The entry of the process that decodes pictures: whatever a picture does to it, the files are served. */

export interface ThumbnailJob {
  path: string;
  type: string;
  mostDecodedBytes: number;
}
export type FromThumbnails =
  /** `lacking`: what decodes is not there, and why; null: it is. */
  | { kind: 'ready'; lacking: string | null }
  | { kind: 'made'; thumbnail: string }
  | { kind: 'refused'; code: PictureError['code']; message: string };

function tell(message: FromThumbnails): void {
  // Without a callback, a parent that dies meanwhile would be an error that nobody handles.
  if (process.connected) process.send?.(message, () => undefined);
}

function whyLacking(): string | null {
  try {
    prepareDecoding();
    return null;
  } catch (error) {
    if (!(error instanceof MissingPartError)) throw error;
    return error.message;
  }
}

const lacking = whyLacking();
process.on('message', ({ path, type, mostDecodedBytes }: ThumbnailJob) => {
  thumbnailOf(path, type, mostDecodedBytes).then(
    (thumbnail) => tell({ kind: 'made', thumbnail }),
    ({ code, message }: PictureError) => tell({ kind: 'refused', code, message }),
  );
});
process.on('disconnect', () => process.exit(1));
// A terminal's Ctrl-C reaches the whole process group; the server decides what it means.
process.on('SIGINT', () => undefined);
tell({ kind: 'ready', lacking });
