import type { AgentPlan } from '../agent-messages.js';
import type { Driver, Framing } from '../drivers/driver.js';
import { PacketTransport } from './packets/packet-transport.js';
import { SocketTransport } from './socket-transport.js';
import type { Transport, TransportListener } from './transport.js';
import { WebSocketTransport } from './websocket/websocket-transport.js';

/**
 * What carries the clients of a plan to its endpoints, as their driver frames its bytes.
 * @param watch puts somebody who looks on between the streams of bytes, beneath WebSocket, and whoever takes them
 */
export function makeTransport(
  plan: AgentPlan,
  driver: Driver,
  listener: TransportListener,
  watch = (taker: TransportListener): TransportListener => taker,
): Transport {
  if (driver.transport) return driver.transport(plan.driver.settings, plan, listener);
  const isWebSocket = plan.endpoints.some(({ protocol }) => protocol === 'ws' || protocol === 'wss');
  const isSocket = plan.endpoints.some(({ protocol }) => protocol === 'tcp' || protocol === 'tls');
  if (isWebSocket && isSocket) throw new Error('one run speaks either TCP or WebSocket, not both');
  const framing = driver.framing(plan.driver.settings);
  if (!isWebSocket) return makeStreams(plan, framing, watch(listener));
  const options = {
    messages: framing.webSocketMessages,
    subprotocols: plan.webSocket?.subprotocols ?? framing.subprotocols,
    headers: plan.webSocket?.headers ?? {},
    compression: plan.webSocket?.compression ?? false,
    ...(framing.path === undefined ? {} : { path: framing.path }),
  };
  const webSockets = new WebSocketTransport(plan.count, options, listener);
  webSockets.use(makeStreams(plan, framing, watch(webSockets)));
  return webSockets;
}

function makeStreams(
  plan: AgentPlan,
  { tls, beginsTls = false }: Framing,
  listener: TransportListener,
): Transport {
  return plan.transport === 'packets'
    ? new PacketTransport(plan.agent, plan.count, listener)
    : new SocketTransport(plan.count, listener, {
        ...tls,
        ...plan.tls,
        isInsecure: plan.insecure,
        beginsTls,
      });
}
