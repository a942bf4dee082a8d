%% The BEAM side of the interop harness: runs expressions that the test sends.
%%
%% Requests and answers are terms on two inherited file descriptors, with a
%% 4-byte length before each, so they never mix with what the node prints:
%%
%%   <- {Id, erlang | elixir, Source, #{Name => Value}}
%%   -> <<Id:32>>, {ok, Value} | {throw | error | exit, Reason}
%%
%% Each expression runs in a process of its own. The node halts when the test
%% closes its end, so a killed test run leaves nothing behind.
-module(ergopy_peer).
-export([start/0, flush/0, flush/1, calls/4, count/2, collect/1, in_order/1, until/1]).
-export([stream/4, streams/3]).

start() ->
    [In, Out] = [list_to_integer(N) || N <- string:lexemes(os:getenv("ERGOPY_PEER_FDS"), " ")],
    spawn(fun() ->
        Port = open_port({fd, In, Out}, [{packet, 4}, binary, eof]),
        Release = list_to_integer(erlang:system_info(otp_release)),
        answer(Port, 0, {ok, {node(), erlang:system_info(creation), Release}}),
        loop(Port, #{})
    end).

loop(Port, Running) ->
    receive
        {Port, {data, Data}} ->
            {Id, Language, Source, Bindings} = binary_to_term(Data),
            Host = self(),
            {Pid, _} = spawn_monitor(fun() ->
                Host ! {result, self(), run(Language, Source, Bindings)}
            end),
            loop(Port, Running#{Pid => Id});
        {result, Pid, Result} ->
            {Id, Rest} = maps:take(Pid, Running),
            answer(Port, Id, Result),
            loop(Port, Rest);
        {'DOWN', _, process, Pid, Reason} ->
            case maps:take(Pid, Running) of
                {Id, Rest} ->
                    answer(Port, Id, {exit, Reason}),
                    loop(Port, Rest);
                error ->
                    loop(Port, Running)
            end;
        {Port, eof} ->
            halt(0, [{flush, false}])
    end.

answer(Port, Id, Term) ->
    port_command(Port, [<<Id:32>>, term_to_binary(Term)]).

run(Language, Source, Bindings) ->
    try
        {ok, evaluate(Language, Source, Bindings)}
    catch
        Class:Reason -> {Class, Reason}
    end.

evaluate(erlang, Source, Bindings) ->
    {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(Source)),
    {ok, Exprs} = erl_parse:parse_exprs(Tokens),
    {value, Value, _} = erl_eval:exprs(Exprs, Bindings),
    Value;
evaluate(elixir, Source, Bindings) ->
    {Value, _} = 'Elixir.Code':eval_string(Source, maps:to_list(Bindings)),
    Value.

%% What is left in the mailbox of the caller.
flush() -> flush(0).

flush(Wait) ->
    receive
        Message -> [Message | flush(Wait)]
    after Wait -> []
    end.

%% Everything up to a message that equals Last, which is left out.
collect(Last) ->
    receive
        Last -> [];
        Message -> [Message | collect(Last)]
    end.

%% Workers processes at once, each making Calls calls of {echo, {Worker, N}};
%% how many of the answers were the right ones.
calls(Dest, Workers, Calls, Timeout) ->
    Host = self(),
    Pids = [
        spawn_link(fun() -> Host ! {self(), right(Dest, Worker, Calls, Timeout)} end)
     || Worker <- lists:seq(1, Workers)
    ],
    lists:sum([receive {Pid, N} -> N end || Pid <- Pids]).

right(Dest, Worker, Calls, Timeout) ->
    Right = [
        N
     || N <- lists:seq(1, Calls),
        gen_server:call(Dest, {echo, {Worker, N}}, Timeout) =:= {Worker, N}
    ],
    length(Right).

%% Send 1..N in order, then done.
count(Dest, N) ->
    [Dest ! I || I <- lists:seq(1, N)],
    Dest ! done,
    ok.

%% Take N messages; how many of them were 1..N, in order.
in_order(N) -> in_order(1, N).

in_order(I, N) when I > N -> N;
in_order(I, N) ->
    receive
        I -> in_order(I + 1, N);
        _ -> I - 1
    end.

%% Send {Tag, N, Data} for N = 1..Count; every third Data is Size bytes long, each
%% with the byte N all over.
stream(Dest, Tag, Count, Size) ->
    [Dest ! {Tag, N, binary:copy(<<N>>, if N rem 3 =:= 0 -> Size; true -> N end)}
     || N <- lists:seq(1, Count)],
    ok.

%% Take what as many streams send to the caller; whether each is whole, and in order.
streams(Tags, Count, Size) ->
    Next = maps:from_list([{Tag, 1} || Tag <- Tags]),
    streams(Next, Count, Size, length(Tags) * Count).

streams(_, _, _, 0) -> true;
streams(Next, Count, Size, Left) ->
    receive
        {Tag, N, Data} ->
            Wanted = binary:copy(<<N>>, if N rem 3 =:= 0 -> Size; true -> N end),
            case Next of
                #{Tag := N} when Data =:= Wanted ->
                    streams(Next#{Tag := N + 1}, Count, Size, Left - 1);
                _ ->
                    {bad, Tag, N, byte_size(Data), Next}
            end
    end.

%% Wait until Fun() is true; the test's own deadline bounds it.
until(Fun) ->
    case Fun() of
        true -> true;
        false -> timer:sleep(5), until(Fun)
    end.
