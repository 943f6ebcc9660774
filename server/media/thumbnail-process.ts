import { type PictureError, prepareDecoding, thumbnailOf } from './thumbnail.js';

/** The entry of the process that decodes pictures: whatever a picture does to it, the files are served. */

export interface ThumbnailJob {
  path: string;
  type: string;
  mostDecodedBytes: number;
}
export type FromThumbnails =
  | { kind: 'ready' }
  | { kind: 'made'; thumbnail: string }
  | { kind: 'refused'; code: PictureError['code']; message: string };

function tell(message: FromThumbnails): void {
  // Without a callback, a parent that dies meanwhile would be an error that nobody handles.
  if (process.connected) process.send?.(message, () => undefined);
}

prepareDecoding();
process.on('message', ({ path, type, mostDecodedBytes }: ThumbnailJob) => {
  thumbnailOf(path, type, mostDecodedBytes).then(
    (thumbnail) => tell({ kind: 'made', thumbnail }),
    ({ code, message }: PictureError) => tell({ kind: 'refused', code, message }),
  );
});
process.on('disconnect', () => process.exit(1));
// A terminal's Ctrl-C reaches the whole process group; the server decides what it means.
process.on('SIGINT', () => undefined);
tell({ kind: 'ready' });
