import type { EjabberdModule } from '../ejabberd.js';

/** ejabberd counts no messages: how many it has sent to its clients, since it began, is told by this module of it. */
export const MESSAGE_COUNTER: EjabberdModule = {
  name: 'mod_message_counter',
  path: '/count',
  source: `-module(mod_message_counter).
-behaviour(gen_mod).
-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_doc/0, sent/1, process/2]).

start(Host, _Options) ->
    persistent_term:put(?MODULE, counters:new(1, [write_concurrency])),
    ejabberd_hooks:add(user_receive_packet, Host, ?MODULE, sent, 100).

stop(Host) ->
    ejabberd_hooks:delete(user_receive_packet, Host, ?MODULE, sent, 100).

reload(_Host, _New, _Old) -> ok.
depends(_Host, _Options) -> [].
mod_options(_Host) -> [].
mod_doc() -> #{}.

sent({Stanza, _} = Accumulator) when element(1, Stanza) =:= message ->
    counters:add(persistent_term:get(?MODULE), 1, 1),
    Accumulator;
sent(Accumulator) -> Accumulator.

process(_Path, _Request) ->
    {200, [], integer_to_binary(counters:get(persistent_term:get(?MODULE), 1))}.
`,
};
