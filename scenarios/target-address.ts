const ADDRESS =
  /^(?:(?:tcp|tls):\/\/(\[[0-9a-f:.]+\]|[^:/[\]\s]+):(\d{1,5})|wss?:\/\/(\[[0-9a-f:.]+\]|[^:/[\]\s]+):(\d{1,5})(?:\/\S*)?)$/i;

/** `tcp://host:port`, `wss://host:port/path`; nobody can be reached at port 0. */
export function isAddress(text: string): boolean {
  const { port = 0 } = partsOf(text) ?? {};
  return port > 0 && port < 65_536;
}

/** Undefined: it is no address. */
export function hostOf(address: unknown): string | undefined {
  return typeof address === 'string' && isAddress(address)
    ? bareHost(partsOf(address)?.host ?? '')
    : undefined;
}

function partsOf(address: string): { host: string; port: number } | undefined {
  const [, host, port, webSocketHost, webSocketPort] = ADDRESS.exec(address) ?? [];
  const name = host ?? webSocketHost;
  return name === undefined ? undefined : { host: name, port: Number(port ?? webSocketPort) };
}

/** `localhost:9464` is a URL too, of the protocol localhost and with no host. */
export function hostOfUrl(url: unknown): string | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  const { protocol, hostname } = new URL(url);
  return /^https?:$/.test(protocol) && hostname !== '' ? bareHost(hostname) : undefined;
}

export function hasNoUser(url: string): boolean {
  return !URL.canParse(url) || new URL(url).username + new URL(url).password === '';
}

/** One way to write a host: no brackets, small letters. */
export function bareHost(host: string): string {
  return host.replace(/^\[|\]$/g, '').toLowerCase();
}
