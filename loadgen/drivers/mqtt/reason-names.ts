/** Return codes of CONNACK in MQTT 3.1.1, section 3.2.2.3. A server that knows no MQTT 5 answers it with one, too. */
const RETURN_CODES: Readonly<Record<number, string>> = {
  1: 'UnsupportedProtocolVersion',
  2: 'ClientIdentifierNotValid',
  3: 'ServerUnavailable',
  4: 'BadUserNameOrPassword',
  5: 'NotAuthorized',
};

/** Reason codes of MQTT 5, section 2.4: those that a server sends, and that are no success. */
const REASON_CODES: Readonly<Record<number, string>> = {
  0: 'ServerDisconnects',
  16: 'NoMatchingSubscribers',
  128: 'UnspecifiedError',
  129: 'MalformedPacket',
  130: 'ProtocolError',
  131: 'ImplementationSpecificError',
  132: 'UnsupportedProtocolVersion',
  133: 'ClientIdentifierNotValid',
  134: 'BadUserNameOrPassword',
  135: 'NotAuthorized',
  136: 'ServerUnavailable',
  137: 'ServerBusy',
  138: 'Banned',
  139: 'ServerShuttingDown',
  140: 'BadAuthenticationMethod',
  141: 'KeepAliveTimeout',
  142: 'SessionTakenOver',
  143: 'TopicFilterInvalid',
  144: 'TopicNameInvalid',
  145: 'PacketIdentifierInUse',
  146: 'PacketIdentifierNotFound',
  147: 'ReceiveMaximumExceeded',
  148: 'TopicAliasInvalid',
  149: 'PacketTooLarge',
  150: 'MessageRateTooHigh',
  151: 'QuotaExceeded',
  152: 'AdministrativeAction',
  153: 'PayloadFormatInvalid',
  154: 'RetainNotSupported',
  155: 'QosNotSupported',
  156: 'UseAnotherServer',
  157: 'ServerMoved',
  158: 'SharedSubscriptionsNotSupported',
  159: 'ConnectionRateExceeded',
  160: 'MaximumConnectTime',
  161: 'SubscriptionIdentifiersNotSupported',
  162: 'WildcardSubscriptionsNotSupported',
};

export const Reason = {
  NoMatchingSubscribers: 16,
  /** From here on. */
  Failure: 128,
  PacketIdentifierNotFound: 146,
  PacketTooLarge: 149,
  QosNotSupported: 155,
  SharedSubscriptionsNotSupported: 158,
} as const;

export function reasonName(code: number): string {
  return REASON_CODES[code] ?? `Reason${code}`;
}

export function connectReasonName(code: number): string {
  return RETURN_CODES[code] ?? reasonName(code);
}

/** SUBACK of MQTT 3.1.1 says no more than that it failed. */
export function subscribeReasonName(code: number, version: number): string {
  return version === 4 ? 'SubscriptionRefused' : reasonName(code);
}
