/**
 * Another version of the handlers, for `hot-reload`: it does what the first does, and answers PING before anything
 * else. A module of handlers is one file: what it needs of the protocol it is given.
 */
export default function makeHandlers({
  FrameType,
  ReasonCode,
  ProtocolError,
  PROTOCOL_VERSION,
  encodeFrame,
}) {
  const refuse = (reason, code = ReasonCode.ProtocolError) => {
    throw new ProtocolError(code, reason);
  };
  const isLoggedIn = ({ stage }) => stage === 'open';

  return {
    version: '2',
    onFrame(client, frame) {
      if (frame.type === FrameType.Hello) {
        if (client.stage !== 'hello') refuse('a second HELLO');
        if (frame.version === PROTOCOL_VERSION) client.greeted();
        else client.fail(ReasonCode.UnsupportedVersion, `this server speaks ${PROTOCOL_VERSION}`);
      } else if (frame.type === FrameType.Login) {
        if (client.stage !== 'login') refuse('LOGIN out of turn');
        client.login(frame.user, frame.token);
      } else if (!isLoggedIn(client)) {
        refuse('not before LOGIN', ReasonCode.NotLoggedIn);
      } else if (frame.type === FrameType.Goodbye) {
        client.leave();
      } else if (frame.type === FrameType.Ping) {
        client.write(encodeFrame({ type: FrameType.Pong, nonce: frame.nonce }));
      } else if (frame.type === FrameType.Send) {
        client.submit(frame.to, frame.id, frame.payload);
      } else if (frame.type === FrameType.GroupSend) {
        client.submitToGroup(frame.group, frame.id, frame.payload);
      } else if (frame.type === FrameType.Group) {
        client.setGroup(frame.group, frame.id, frame.members);
      } else if (frame.type === FrameType.Ack) {
        if (client.sentSequence > 0 && frame.sequence > client.sentSequence)
          refuse('ACK of what was not sent');
        client.acknowledge(frame.sequence);
      } else if (frame.type !== FrameType.Pong) {
        refuse('not a frame of a client');
      }
    },
  };
}
