import type { ClientConnection, Handlers, HandlerTools } from './handler-api.js';

/**
 * What the server does with the frames of its clients. This file is loaded as a module of its own and replaced while
 * clients stay connected (`c2m reload`), so it imports types only and keeps nothing between two frames.
 */
export default function makeHandlers(tools: HandlerTools): Handlers {
  const { FrameType, ReasonCode, ProtocolError, PROTOCOL_VERSION, encodeFrame } = tools;

  function requireLogin({ stage }: ClientConnection, name: string): void {
    if (stage !== 'open') throw new ProtocolError(ReasonCode.NotLoggedIn, `${name} before LOGIN`);
  }

  return {
    version: '1',
    onFrame(client, frame) {
      switch (frame.type) {
        case FrameType.Send:
          requireLogin(client, 'SEND');
          client.submit(frame.to, frame.id, frame.payload);
          break;
        case FrameType.Ack:
          requireLogin(client, 'ACK');
          // Before the first item it can only be meant for an earlier connection, and is ignored like any old one.
          if (client.sentSequence > 0 && frame.sequence > client.sentSequence) {
            throw new ProtocolError(
              ReasonCode.ProtocolError,
              `ACK of ${frame.sequence}, which was not sent yet`,
            );
          }
          client.acknowledge(frame.sequence);
          break;
        case FrameType.GroupSend:
          requireLogin(client, 'GROUP_SEND');
          client.submitToGroup(frame.group, frame.id, frame.payload);
          break;
        case FrameType.Group:
          requireLogin(client, 'GROUP');
          client.setGroup(frame.group, frame.id, frame.members);
          break;
        case FrameType.Ping:
          requireLogin(client, 'PING');
          client.write(encodeFrame({ type: FrameType.Pong, nonce: frame.nonce }));
          break;
        case FrameType.Pong:
          // Nobody asked, and it does no harm: some clients answer whatever looks like a question.
          requireLogin(client, 'PONG');
          break;
        case FrameType.Hello:
          if (client.stage !== 'hello') throw new ProtocolError(ReasonCode.ProtocolError, 'a second HELLO');
          if (frame.version === PROTOCOL_VERSION) client.greeted();
          else {
            const reason = `version ${frame.version}; this server speaks ${PROTOCOL_VERSION}`;
            client.fail(ReasonCode.UnsupportedVersion, reason);
          }
          break;
        case FrameType.Login:
          if (client.stage !== 'login') {
            const reason = client.stage === 'hello' ? 'LOGIN before HELLO' : 'a second LOGIN';
            throw new ProtocolError(ReasonCode.ProtocolError, reason);
          }
          client.login(frame.user, frame.token);
          break;
        case FrameType.Goodbye:
          requireLogin(client, 'GOODBYE');
          client.leave();
          break;
        default:
          throw new ProtocolError(
            ReasonCode.ProtocolError,
            `frame type 0x${frame.type.toString(16)} from a client`,
          );
      }
    },
  };
}
