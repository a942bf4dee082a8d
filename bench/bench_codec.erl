%% The eight fixed terms through term_to_binary/2 and binary_to_term/1. Reads
%% {Id, Op, Milliseconds}. per line and answers "ok us=Number".
-module(bench_codec).
-export([start/0]).

start() ->
    spawn_opt(fun() -> loop(terms()) end, [{min_heap_size, 100_000}]).

loop(Terms) ->
    case io:read('') of
        {ok, {Id, Op, Milliseconds}} ->
            Self = self(),
            Term = maps:get(Id, Terms),
            spawn_opt(fun() -> Self ! {us, time(Op, Term, Milliseconds)} end,
                      [{min_heap_size, 100_000}]),
            receive {us, Time} -> io:format("ok us=~.6f~n", [Time]) end,
            loop(Terms);
        _ ->
            halt(0)
    end.

time(Op, Term, Milliseconds) ->
    Bytes = to_bytes(Term),
    Fun = case Op of
              encode -> fun() -> to_bytes(Term) end;
              decode -> fun() -> binary_to_term(Bytes) end
          end,
    calibrated(Fun, 1, Milliseconds * 1000).

calibrated(Fun, Count, Limit) ->
    Start = erlang:monotonic_time(nanosecond),
    repeat(Fun, Count),
    Elapsed = (erlang:monotonic_time(nanosecond) - Start) / 1000,
    if
        Elapsed >= Limit -> Elapsed / Count;
        Elapsed * 16 < Limit -> calibrated(Fun, Count * 8, Limit);
        true -> calibrated(Fun, ceil(Count * Limit * 1.1 / Elapsed), Limit)
    end.

repeat(_, 0) -> ok;
repeat(Fun, Count) ->
    Fun(),
    repeat(Fun, Count - 1).

to_bytes(Term) -> term_to_binary(Term, [{minor_version, 2}]).

terms() ->
    NodeA = <<119, 13, "drv@127.0.0.1">>,
    Cr = 16#65432101,
    Pid = binary_to_term(<<131, 88, NodeA/binary, 100:32, 0:32, Cr:32>>),
    Ref = binary_to_term(<<131, 90, 3:16, NodeA/binary, Cr:32,
                           1001:32, 16#8ABC0001:32, 16#1234ABCD:32>>),
    #{a => {'$gen_cast', {ping, 1}},
      b => {'$gen_call', {Pid, [alias | Ref]}, {get, <<"key">>, 42}},
      c => lists:seq(0, 999),
      d => maps:from_list([{list_to_binary(io_lib:format("key~3..0b", [I])), I * 1000}
                           || I <- lists:seq(0, 99)]),
      e => tree(11, 1),
      f => binary:copy(list_to_binary(lists:seq(0, 255)), 4096),
      g => [I * 1.1 || I <- lists:seq(0, 999)],
      h => [list_to_atom(lists:flatten(io_lib:format("atom_~3..0b", [I rem 100])))
            || I <- lists:seq(0, 999)]}.

tree(0, K) -> K;
tree(D, K) -> {node, K, [tree(D - 1, 2 * K), tree(D - 1, 2 * K + 1)]}.
