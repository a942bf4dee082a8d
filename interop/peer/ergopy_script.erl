%% A BEAM node as a stage for scripts: processes that do what a test tells them.
%%
%% An actor takes its commands out of the middle of its mailbox, and leaves all other
%% messages where they are; they are what the test wants to see.
-module(ergopy_script).
-export([open/0, start/1, actor/1, do/2, look/1, reach/1, disconnect/1, finish/1]).

%% Answer pings of other stages.
open() ->
    register(?MODULE, spawn(fun pongs/0)).

pongs() ->
    receive
        {ping, From} -> From ! pong, pongs()
    end.

%% The process has begun when this returns.
start(Trap) ->
    Pid = spawn(?MODULE, actor, [Trap]),
    do(Pid, {trap, Trap}),
    Pid.

actor(Trap) ->
    process_flag(trap_exit, Trap),
    loop().

loop() ->
    receive
        {?MODULE, From, Ref, Command} ->
            From ! {Ref, perform(Command)},
            loop()
    end.

%% Let a process act; died if it is dead, or dies of it.
do(Pid, Command) ->
    Ref = monitor(process, Pid),
    Pid ! {?MODULE, self(), Ref, Command},
    receive
        {Ref, Result} -> demonitor(Ref, [flush]), Result;
        {'DOWN', Ref, _, _, _} -> died
    end.

perform({burst, Commands}) -> [perform(Command) || Command <- Commands];
perform({link, Pid}) -> link(Pid);
perform({unlink, Pid}) -> unlink(Pid);
perform({monitor, Target}) -> monitor(process, Target);
perform({monitor_alias, Target, Mode}) -> monitor(process, Target, [{alias, Mode}]);
perform({monitor_tag, Target}) -> monitor(process, Target, [{tag, gone}]);
perform({monitor_node, Node, Flag}) -> monitor_node(Node, Flag);
perform({demonitor, Ref, true}) -> demonitor(Ref, [info, flush]);
perform({demonitor, Ref, false}) -> demonitor(Ref, [info]);
perform({alias, true}) -> alias([reply]);
perform({alias, false}) -> alias();
perform({unalias, Ref}) -> unalias(Ref);
perform({send, To, Message}) -> To ! Message;
perform({call, To, Request, Ends}) ->
    Timeout = case Ends of true -> 10000; false -> 20 end,
    try gen_server:call(To, Request, Timeout) catch exit:{Reason, _} -> Reason end;
perform({register, Name, Pid}) -> succeeds(fun() -> register(Name, Pid) end);
perform({unregister, Name}) -> succeeds(fun() -> unregister(Name) end);
perform({trap, Value}) -> process_flag(trap_exit, Value);
perform({group_leader, Leader, Pid}) -> group_leader(Leader, Pid);
perform({exit, Pid, Reason}) -> exit(Pid, Reason);
perform({stop, Reason}) -> exit(Reason);
perform({spawn, Trap, Link, Monitor}) ->
    spawn_opt(?MODULE, actor, [Trap], options(Link, Monitor));
perform({spawn_at, Node, Trap, Link, Monitor}) ->
    spawn_opt(Node, ?MODULE, actor, [Trap], options(Link, Monitor)).

succeeds(Fun) ->
    try Fun() catch error:badarg -> false end.

options(Link, Monitor) ->
    [link || Link] ++ [monitor || Monitor].

%% Each process as seen from outside, the names, and the connected nodes.
look(Pids) ->
    Names = [{Name, whereis(Name)} || Name <- registered()],
    {[view(Pid) || Pid <- Pids], Names, nodes(connected)}.

view(Pid) ->
    Items = [messages, links, monitors, monitored_by, trap_exit, group_leader],
    case process_info(Pid, Items) of
        undefined ->
            undefined;
        [{_, Messages}, {_, Links}, {_, Monitors}, {_, By}, {_, Trap}, {_, Leader}] ->
            Targets = [Target || {process, Target} <- Monitors],
            {Messages, Links, Targets, By, Trap, Leader}
    end.

%% A message to the other node and back, behind all that was sent before.
reach(Node) ->
    case lists:member(Node, nodes(connected)) of
        true ->
            {?MODULE, Node} ! {ping, self()},
            receive pong -> true end;
        false ->
            false
    end.

%% A connection that has just come up is used by processes before net_kernel, which
%% has to end it, knows of it.
disconnect(Node) ->
    case erlang:disconnect_node(Node) of
        true ->
            ok;
        _ ->
            case lists:member(Node, nodes(connected)) of
                true -> erlang:yield(), disconnect(Node);
                false -> ok
            end
    end.

%% Kill processes, and wait until they are gone.
finish(Pids) ->
    Refs = [monitor(process, Pid) || Pid <- Pids],
    [exit(Pid, kill) || Pid <- Pids],
    [receive {'DOWN', Ref, _, _, _} -> ok end || Ref <- Refs],
    ok.
