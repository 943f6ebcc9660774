/**
 * A codec: what clients intend becomes bytes, and the bytes of the server become what happened. It has no sockets, and
 * keeps nothing for a client that is idle, so a million of them fit. server.js tells the protocol.
 */

const NEWLINE = 10;
/** What has no end is no line. */
const MOST_LINE_BYTES = 1 << 20;

export const driver = {
  name: 'lines',

  /** What this protocol can tell. What is left out it cannot, and records say null there. */
  promises: { accepted: true, order: 'per-sender', delivery: 'at-most-once' },

  framing: { carriers: ['tcp', 'tls'] },

  /**
   * @param settings of the scenario: `target.driver.own.settings`
   * @param clients `firstUser`: the user that client 0 is
   * @param events tell the lab what happened
   */
  create(_settings, clients, events) {
    const { firstUser } = clients;

    const heard = (client, line) => {
      const [word, first, second] = line.split(' ');
      if (word === 'MESSAGE') events.delivered(client, Buffer.from(first ?? '', 'base64'), false);
      else if (word === 'SENT') events.accepted(client, Number(first));
      else if (word === 'FAILED') events.refused(client, Number(first), second);
      else if (word === 'WELCOME') events.loggedIn(client);
      else if (word === 'ERROR') events.ended(client, 'Error');
      else if (word !== 'PONG') throw violation('UnknownLine', line);
    };

    return {
      /** The connection stands. */
      opened(client, out) {
        out.writeText(`LOGIN ${firstUser + client}\n`);
      },

      /** Returns how many bytes it has taken: the rest comes again, with what follows. */
      received(client, bytes) {
        let taken = 0;
        for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, taken)) {
          heard(client, bytes.toString('latin1', taken, end));
          taken = end + 1;
        }
        if (bytes.length - taken > MOST_LINE_BYTES) throw violation('LineTooLong', 'a line without an end');
        return taken;
      },

      /** `to` is a client, as `client` is; the sequence is the lab's, and comes back in `accepted`. */
      writeMessage(_client, to, sequence, payload, out) {
        out.writeText(`SEND ${firstUser + to} ${sequence} ${payload.toString('base64')}\n`);
      },

      writeKeepalive(_client, out) {
        out.writeText('PING\n');
      },
    };
  },
};

/** The server does not keep to the protocol: its connection is cut, and counted under this reason. */
function violation(reason, message) {
  return Object.assign(new Error(message), { reason });
}
