import { type SpawnOptions, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../lab/cluster/free-ports.js';
import { startChild } from './child.js';
import type { Subject } from './subject.js';
import { type Run, type Tool, watchUntilMeasured } from './tool.js';
import { base64Length, talkSeconds, type Workload } from './workload.js';

const PASSWORD = 'password';
const MQTT_QOS: Record<string, number> = { mqtt: 1, 'mqtt-qos0': 0 };

/**
 * Tsung as Debian packages it, in one Erlang machine (`use_controller_vm`), with scenarios in the form of the examples that
 * it comes with. What is not the same as in a run of c2m:
 *
 * - MQTT: half of the clients publish and the other half subscribe, each to its publisher's topic, as in its mqtt.xml. A
 *   client that does both loses what comes while it waits for PUBACK, and never acknowledges it. So there are half as many
 *   inboxes, and each client does half of the work; messages, bytes and acknowledgements are as many.
 * - With QoS 1 a publisher waits for PUBACK, then for its think time: a closed loop, which slows down with the server.
 *   It tells the time to PUBACK. QoS 2 it does not speak.
 * - WebSocket: `ack="no_ack"`, since any frame would count as the answer, the message of the partner as well. So it
 *   measures no time at all, and counts bytes of what comes without reading it.
 * - XMPP: it asks for no check marks and reads nothing of what comes; users are registered and log in with PLAIN, by stanzas
 *   that are written out, since its own choose their user and their recipient by themselves.
 * - Schedulers of Erlang spin for a while before they sleep, which is CPU time too: the less there is to do, the larger
 *   their share. ERL_ZFLAGS='+sbwt none +sbwtdcpu none +sbwtdio none' in the environment switches that off.
 */
export const TSUNG: Tool = {
  name: 'Tsung',
  speaks: [...Object.keys(MQTT_QOS), 'websocket', 'xmpp-bare'],
  counts:
    'messages sent and received as sums, the time from PUBLISH to PUBACK (QoS 1; over WebSocket and XMPP none); not which message, nor ' +
    'when it came; over MQTT half of the clients send and half receive',
  run,
};

export function findTsung(): boolean {
  return spawnSync('tsung', ['-v']).status === 0;
}

async function run(
  protocol: string,
  subject: Subject,
  workload: Workload,
  purpose: 'talk' | 'idle',
): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-tsung-'));
  const epmdPort = await freePort();
  // Everything that Erlang opens is on loopback, and the daemon that it would leave behind is ours to end.
  const options: SpawnOptions = {
    cwd: folder,
    env: {
      ...process.env,
      HOME: folder,
      ERL_EPMD_PORT: String(epmdPort),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_FLAGS: '-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false',
    },
  };
  const epmd = startChild('epmd', [], options);
  try {
    const file = join(folder, 'tsung.xml');
    const sessions = sessionsOf(protocol, workload);
    await writeFile(join(folder, 'users.csv'), users(workload.clients));
    await writeFile(file, scenario(folder, subject.port, workload, sessions));
    const words = ['-n', '-I', '127.0.0.1', '-f', file, '-l', folder, '-w', '0', 'start'];
    return await watchUntilMeasured(startChild('tsung', words, options), subject, workload, purpose);
  } finally {
    await epmd.end();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Pairs: 1 and 2 write to each other, and so on. Each with what SASL PLAIN says of it (RFC 4616). */
function users(clients: number): string {
  return Array.from({ length: clients }, (_, index) => {
    const login = Buffer.from(`\0user${index}\0${PASSWORD}`).toString('base64');
    return `${index};${index ^ 1};${login}\n`;
  }).join('');
}

/** Sessions in the order in which their clients arrive, each with how many there are. */
interface Session {
  name: string;
  count: number;
  xml: string;
}

function scenario(folder: string, port: number, workload: Workload, sessions: Session[]): string {
  const { clients, connectsPerSecond } = workload;
  // It starts the next phase when the time of one is over, however many have come, and `maxnumber` sees that no more do. So
  // there is more time than is needed, most of it where nobody waits for it.
  const secondsFor = (count: number, index: number) =>
    Math.ceil(((index + 1 < sessions.length ? 2 : 6) * count) / connectsPerSecond) + 2;
  const phase = ({ name, count }: Session, index: number) => `
    <arrivalphase phase="${index + 1}" duration="${secondsFor(count, index)}" unit="second">
      ${sessions.map((each) => `<session_setup name="${each.name}" probability="${each.name === name ? 100 : 0}"/>`).join('')}
      <users maxnumber="${count}" arrivalrate="${connectsPerSecond}" unit="second"/>
    </arrivalphase>`;
  return `<?xml version="1.0"?>
<!DOCTYPE tsung SYSTEM "/usr/share/tsung/tsung-1.0.dtd">
<tsung loglevel="notice" version="1.0">
  <clients><client host="localhost" use_controller_vm="true" maxusers="${2 * clients}"/></clients>
  <servers><server host="127.0.0.1" port="${port}" type="tcp"/></servers>
  <load>${sessions.map(phase).join('')}</load>
  <options>
    ${sessions.map(({ name }) => `<option name="file_server" id="${name}" value="${folder}/users.csv"/>`).join('\n    ')}
    <option type="ts_jabber" name="domain" value="localhost"/>
    <option type="ts_jabber" name="userid_max" value="${clients}"/>
  </options>
  <sessions>
    ${sessions.map(({ xml }) => xml).join('\n    ')}
  </sessions>
</tsung>
`;
}

function sessionsOf(protocol: string, workload: Workload): Session[] {
  switch (protocol) {
    case 'websocket':
      return webSocket(workload);
    case 'xmpp-bare':
      return xmpp(workload);
    default:
      return mqtt(MQTT_QOS[protocol] ?? 0, workload);
  }
}

function mqtt(qos: number, workload: Workload): Session[] {
  const count = workload.clients / 2;
  const connect = '<request><mqtt type="connect" clean_start="true" keepalive="60"/></request>';
  return [
    {
      name: 'subscriber',
      count,
      xml: session(
        'subscriber',
        'ts_mqtt',
        `${connect}
      <request subst="true"><mqtt type="subscribe" topic="inbox/%%_user%%" qos="${qos}"/></request>
      <request><mqtt type="waitForMessages" timeout="600"/></request>`,
      ),
    },
    {
      name: 'publisher',
      count,
      xml: session(
        'publisher',
        'ts_mqtt',
        `${connect}
      ${loop(
        `<request subst="true"><mqtt type="publish" topic="inbox/%%_user%%" qos="${qos}">${'x'.repeat(workload.messageBytes)}</mqtt></request>`,
        count,
        workload,
      )}`,
      ),
    },
  ];
}

function webSocket(workload: Workload): Session[] {
  const body = 'x'.repeat(base64Length(workload.messageBytes));
  const say = (words: string, ack: string) =>
    `<request subst="true"><websocket type="message" frame="text" ack="${ack}">${words}</websocket></request>`;
  return [
    {
      name: 'chat',
      count: workload.clients,
      xml: session(
        'chat',
        'ts_websocket',
        `<request><websocket type="connect" path="/"/></request>
      ${say('{"type":"login","user":"%%_user%%"}', 'parse')}
      ${loop(
        say(`{"type":"message","to":"%%_partner%%","id":%%_i%%,"body":"${body}"}`, 'no_ack'),
        workload.clients,
        workload,
      )}`,
      ),
    },
  ];
}

function xmpp(workload: Workload): Session[] {
  const body = 'x'.repeat(base64Length(workload.messageBytes));
  const open = '<request><jabber type="connect" ack="local"/></request>';
  const say = (stanza: string, ack: string) =>
    `<request subst="true"><jabber type="raw" ack="${ack}" data="${escaped(stanza)}"/></request>`;
  return [
    {
      name: 'chat',
      count: workload.clients,
      xml: session(
        'chat',
        'ts_jabber',
        `${open}
      ${say(`<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>user%%_user%%</username><password>${PASSWORD}</password></query></iq>`, 'local')}
      ${say(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%%_login%%</auth>`, 'local')}
      ${open}
      ${say(`<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`, 'local')}
      ${say('<presence/>', 'no_ack')}
      ${loop(
        say(
          `<message type='chat' id='%%_i%%' to='user%%_partner%%@localhost'><body>${body}</body></message>`,
          'no_ack',
        ),
        workload.clients,
        workload,
      )}`,
      ),
    },
  ];
}

function escaped(stanza: string): string {
  return stanza.replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function session(name: string, type: string, steps: string): string {
  return `<session name="${name}" probability="${name === 'publisher' ? 0 : 100}" type="${type}">
      <setdynvars sourcetype="file" fileid="${name}" delimiter=";" order="iter"><var name="user"/><var name="partner"/><var name="login"/></setdynvars>
      ${steps}
    </session>`;
}

/** One request again and again, so that `senders` of them make the rate, for twice as long as is needed: it is ended then. */
function loop(request: string, senders: number, workload: Workload): string {
  const betweenSeconds = senders / workload.rate;
  const times = Math.ceil(
    (2 * talkSeconds(workload) + senders / workload.connectsPerSecond) / betweenSeconds,
  );
  return `<for from="1" to="${times}" incr="1" var="i">
        ${request}
        <thinktime value="${betweenSeconds.toFixed(3)}" random="false"/>
      </for>`;
}
