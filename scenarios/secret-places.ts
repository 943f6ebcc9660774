/** Which parts of a scenario are not told to whom a record is passed on, and by which values they are found elsewhere. */

/** Stands where a secret was. */
export const HIDDEN = '…';

const SECRET_NAME =
  /(token|secret|password|passwd|passphrase|pwd|api[_-]?key|authorization|cookie|credentials|dsn|jwt|nkey|bearer)$/i;

/** In the name of a variable of the environment it may stand anywhere: `AWS_SECRET_ACCESS_KEY`, `CHAT_TOKEN_2`, `DB_PASS`. */
const SECRET_WORD =
  /(^|_)(token|secret|password|passwd|passphrase|pass|pwd|pat|(api|access|account|auth|encryption|private|session|signing|ssh)_?key|credentials?|cookie|jwt|bearer)(_|$)/i;

/** Of the headers of an upgrade, those that say nothing of who asks. */
const HARMLESS_HEADERS = new Set(['origin', 'user-agent', 'accept', 'accept-language']);

/** A shorter value stands in words that have nothing to do with it: it is hidden at its key alone. */
const SHORTEST_FOUND = 4;
/** The same for what is hidden because of where it stands, such as any variable: `LOG: quiet`. */
const SHORTEST_FOUND_UNNAMED = 16;
/** And for what a cookie is made of. */
const SHORTEST_FOUND_PART = 8;
/** Ports, counts and switches stand everywhere. */
const COMMON = /^(\d{1,5}|true|false|null)$/i;

/** A path of keys, as far as it is known. */
export type KeyPath = readonly (string | number)[];

/** Keys whose values are secrets. */
export function isSecretKey(key: unknown): boolean {
  return typeof key === 'string' && SECRET_NAME.test(key);
}

/** Variables of the environment whose values are secrets. */
export function isSecretVariable(name: string): boolean {
  return isSecretKey(name) || SECRET_WORD.test(name);
}

/** Whether what stands there is hidden, with all that is below it: at such a key, a header, a variable of a command. */
export function isSecretPlace(path: KeyPath): boolean {
  return path.some((key, depth) => {
    const here = path.slice(0, depth + 1);
    return isVariable(here) || (isSecretKey(key) && !isCapture(here));
  });
}

/** Keys of the websocket driver with matchers in them. */
const WITH_MATCHERS = new Set(['login', 'loggedIn', 'subscribed', 'joined', 'match']);

/**
 * `capture: { token: data.token }` of the websocket driver says where a token will stand, and is none. As it is written that
 * is below `driver.websocket`, and as it is read below `driver.settings`.
 */
function isCapture(path: KeyPath): boolean {
  const [driver, settings, key] = path.slice(path.indexOf('driver'));
  return (
    path.at(-2) === 'capture' &&
    driver === 'driver' &&
    (settings === 'websocket' || settings === 'settings') &&
    WITH_MATCHERS.has(String(key))
  );
}

/** A header of `target.websocket.headers` or a variable of `target.command.env`; also where `--set` gives the map alone. */
function isVariable(path: KeyPath): boolean {
  const [parent, key] = path.slice(-2);
  if (key === undefined) return false;
  return parent === 'env' || (parent === 'headers' && !HARMLESS_HEADERS.has(String(key).toLowerCase()));
}

/** Whether a value at a secret place says anything; a switch such as `hasToken: true` does not. */
export function isTelling(value: unknown, path: KeyPath): boolean {
  if (value === null || value === undefined || value === '' || value === HIDDEN) return false;
  return typeof value !== 'boolean' || path.some((_, depth) => isVariable(path.slice(0, depth + 1)));
}

/**
 * The texts by which a value at a secret place is found where else it stands.
 * @param isNamed what it is called says that it is a secret
 */
export function findableIn(
  value: string,
  key: string | number | undefined,
  isNamed = isSecretKey(key),
): string[] {
  return [
    ...[value].filter((text) => isFindable(text, isNamed ? SHORTEST_FOUND : SHORTEST_FOUND_UNNAMED)),
    ...partsOf(value, String(key)).filter((part) => isFindable(part, SHORTEST_FOUND_PART)),
    ...findableInUrls(value),
  ];
}

/** `Bearer x` and `sid=x; theme=y` are made of what might stand elsewhere alone. */
function partsOf(value: string, key: string): string[] {
  if (/cookie$/i.test(key)) return [...value.matchAll(/=([^;]*)/g)].map(([, part = '']) => part.trim());
  if (/authorization$/i.test(key)) return [value.slice(value.search(/\s|$/)).trim()];
  return [];
}

function isFindable(text: string, shortest: number): boolean {
  return text.length >= shortest && !COMMON.test(text);
}

/** What follows a scheme: user and password, host, path, and the rest. */
const AFTER_SCHEME = /:\/\/(\S*)/g;
const PARAMETER = /([?&;#])([^=&;#]*)(=?)([^&;#]*)/g;

/** Text whose URLs tell no user, no password and no value of their query. */
export function withoutUrlSecrets(text: string): string {
  return text.replace(AFTER_SCHEME, (_, url: string) => {
    const { user, place, query } = urlParts(url);
    const parameters = query.replace(
      PARAMETER,
      (_all, mark: string, name: string, sign: string, value: string) =>
        sign === '' ? mark + (name && HIDDEN) : `${mark}${name}=${value && HIDDEN}`,
    );
    return `://${user === undefined ? '' : `${HIDDEN}@`}${place}${parameters}`;
  });
}

/** What the URLs in a text hold that is found elsewhere by its value. */
export function findableInUrls(text: string): string[] {
  return [...text.matchAll(AFTER_SCHEME)].flatMap(([, url = '']) => {
    const { user = '', query } = urlParts(url);
    const password = user.slice(user.indexOf(':') + 1);
    const values = [...query.matchAll(PARAMETER)].filter(([, , name, , value = '']) =>
      isFindable(value, isSecretKey(name) ? SHORTEST_FOUND : SHORTEST_FOUND_UNNAMED),
    );
    return [
      ...[password].filter((each) => isFindable(each, SHORTEST_FOUND)),
      ...values.map(([, , , , value = '']) => value),
    ].filter((each) => each !== HIDDEN);
  });
}

function urlParts(url: string): { user: string | undefined; place: string; query: string } {
  const [, authority = '', path = '', query = ''] = /^([^/?#]*)([^?#]*)(.*)$/s.exec(url) ?? [];
  const at = authority.lastIndexOf('@');
  return {
    user: at < 0 ? undefined : authority.slice(0, at),
    place: authority.slice(at + 1) + path,
    query,
  };
}
