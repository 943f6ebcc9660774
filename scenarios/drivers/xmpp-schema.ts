import { z } from 'zod';
import { oneOf } from '../choice.js';

/** No character of a user's part that XMPP forbids, folds or would have to be escaped (RFC 7622, section 3.3). */
const USER_NAME = /^[a-z0-9._+-]*\{user\}[a-z0-9._+-]*$/;
const DOMAIN = /^[a-z0-9._-]+$/;
/** SASLprep changes nothing of it (RFC 4013), and it can stand in XML as it is. */
const PASSWORD = /^[\x20-\x7e]+$/;

const domainText = (example: string) =>
  z.string('must be text').regex(DOMAIN, `must be a domain in small letters, such as ${example}`);

/** What a scenario says of XMPP: `target.driver.xmpp`. */
export const xmppSchema = z.strictObject(
  {
    domain: domainText('example.org').prefault('localhost').meta({
      description: 'Domain of the users, as the server calls itself; certificates are checked against it.',
    }),
    userName: z
      .string('must be text')
      .regex(USER_NAME, 'must hold {user} among small letters, digits, and . _ + -, such as user{user}')
      .prefault('user{user}')
      .meta({ description: 'Name of a user in front of the @; `{user}` is its number.' }),
    password: z
      .string('must be text')
      .regex(PASSWORD, 'must be printable ASCII, such as password{user}')
      .prefault('password{user}')
      .meta({ description: 'Password of a user; `{user}` is its number.' }),
    resource: z
      .string('must be text')
      .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without blanks')
      .prefault('c2m')
      .meta({ description: 'Resource that each client binds: a second login of a user replaces the first.' }),
    mechanism: oneOf(['auto', 'PLAIN', 'SCRAM-SHA-1', 'SCRAM-SHA-256']).prefault('auto').meta({
      description:
        'How clients log in (SASL); `auto`: the strongest that the server offers. A login with SCRAM costs the generator about 1 ms of CPU, unless it has seen the salt before.',
    }),
    startTls: oneOf(['auto', 'required', 'never']).prefault('auto').meta({
      description:
        'TLS on a tcp address: `auto` where the server offers it, `required` or not at all, `never`. A tls address begins with it.',
    }),
    receipts: z.boolean('must be true or false').prefault(true).meta({
      description:
        'Clients ask for a receipt of each message and send those of others (XEP-0184). Groups need `false`.',
    }),
    streamManagement: z.boolean('must be true or false').prefault(true).meta({
      description:
        'The server acknowledges what it has taken (XEP-0198): `accepted`. Without it nobody can tell, and nothing is sent again.',
    }),
    resume: z.boolean('must be true or false').prefault(false).meta({
      description:
        'A client whose connection was cut goes on with its session (XEP-0198, section 5), and binds a new one where the server has it no more. Needs stream management.',
    }),
    register: z.boolean('must be true or false').prefault(false).meta({
      description:
        'Each client registers its user before its first login (XEP-0077); one that exists is right too.',
    }),
    mucService: domainText('conference.example.org').optional().meta({
      description: 'Domain of the rooms that are the groups (XEP-0045).',
      fallback: 'conference.{domain}',
    }),
  },
  'must be settings of xmpp, such as {domain: example.org, register: true}',
);

export type XmppSettings = z.infer<typeof xmppSchema>;
