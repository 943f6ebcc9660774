/** What a server says to a client that logs in with PLAIN, with stream management; firstUser is 1. */
export const HEADER = `<?xml version='1.0'?><stream:stream xmlns="jabber:client" xmlns:stream='http://etherx.jabber.org/streams' id='++TR84Sm6A3hnt3Q065SnAbbk3Y=' from='localhost' version='1.0' xml:lang='en'>`;
export const OFFER = `<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms><register xmlns='http://jabber.org/features/iq-register'/></stream:features>`;
export const SUCCESS = `<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`;
export const BINDING_OFFER = `<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session><sm xmlns='urn:xmpp:sm:3'/><sm xmlns='urn:xmpp:sm:2'/></stream:features>`;
export const BOUND = `<iq id='bind' type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>user1@localhost/c2m</jid></bind></iq>`;
export const ENABLED = `<enabled xmlns='urn:xmpp:sm:3'/>`;
export const ARRIVED = `<presence xml:lang='en' to='user1@localhost/c2m' from='user1@localhost/c2m'/><iq xml:lang='en' to='user1@localhost/c2m' from='user1@localhost' type='result' id='arrived'/>`;

/** All of it, until the client is logged in. */
export const LOGIN = [HEADER, OFFER, SUCCESS, HEADER, BINDING_OFFER, BOUND, ENABLED, ARRIVED].join('\n');
