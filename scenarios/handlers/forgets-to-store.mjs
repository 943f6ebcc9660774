/** A broken version, for `hot-reload`: it takes messages and stores none. Its check tells, and it is refused. */
export default function makeHandlers({ FrameType }) {
  return {
    version: '3',
    onFrame(client, frame) {
      if (frame.type === FrameType.Hello) client.greeted();
      else if (frame.type === FrameType.Login) client.login(frame.user, frame.token);
      else if (frame.type === FrameType.Goodbye) client.leave();
    },
  };
}
