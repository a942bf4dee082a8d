%% The Erlang side of `ergopy demo`; nothing but Erlang's own library.
-module(demo).
-behaviour(gen_server).
-export([main/0, init/1, handle_call/3, handle_cast/2]).

init(Words) -> {ok, Words}.
handle_call({greet, Who}, _From, Words) -> {reply, <<Words/binary, ", ", Who/binary, "!">>, Words}.
handle_cast(_, Words) -> {noreply, Words}.

main() ->
    Python = list_to_atom(os:getenv("ERGOPY_DEMO_NODE")),
    io:format("erl> gen_server:call({counter, ~p}, {add, 3}).~n", [Python]),
    io:format("~p~n", [gen_server:call({counter, Python}, {add, 3})]),
    io:format("erl> erpc:call(~p, text, shout, [<<\"it works\">>]).~n", [Python]),
    io:format("~p~n", [erpc:call(Python, text, shout, [<<"it works">>])]),
    io:format("erl> monitor(process, {fragile, ~p}), then it crashes~n", [Python]),
    Ref = monitor(process, {fragile, Python}),
    gen_server:cast({fragile, Python}, crash),
    receive
        {'DOWN', Ref, process, _, {python, Class, Message, _Frames}} ->
            io:format("DOWN: ~s: ~s~n", [Class, Message])
    end,
    Words = iolist_to_binary(["Hello from OTP ", erlang:system_info(otp_release)]),
    {ok, _} = gen_server:start_link({local, greeter}, ?MODULE, Words, []),
    {demo, Python} ! {ready, self()},
    receive done -> halt(0) after 10000 -> halt(1) end.
