/** Namespaces of the protocol, by what they are of. */
export const Namespace = {
  Client: 'jabber:client',
  Streams: 'http://etherx.jabber.org/streams',
  StreamErrors: 'urn:ietf:params:xml:ns:xmpp-streams',
  StanzaErrors: 'urn:ietf:params:xml:ns:xmpp-stanzas',
  Tls: 'urn:ietf:params:xml:ns:xmpp-tls',
  Sasl: 'urn:ietf:params:xml:ns:xmpp-sasl',
  Bind: 'urn:ietf:params:xml:ns:xmpp-bind',
  Management: 'urn:xmpp:sm:3',
  Receipts: 'urn:xmpp:receipts',
  Ping: 'urn:xmpp:ping',
  Register: 'jabber:iq:register',
  Room: 'http://jabber.org/protocol/muc',
  RoomUser: 'http://jabber.org/protocol/muc#user',
  RoomOwner: 'http://jabber.org/protocol/muc#owner',
  Form: 'jabber:x:data',
} as const;
