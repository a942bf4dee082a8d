%% Start functions for a process of a Python node as the child of a supervisor here:
%%
%%   #{id => model,
%%     start => {python_child, start_link, ['py@127.0.0.1', model, [0.5]]},
%%     shutdown => 5000}
%%
%% Nothing but OTP; the Python side is node.provide_spawn("model", Model).
-module(python_child).
-export([start_link/3, start_link/4]).

-define(AWAY, 30).        % seconds to wait for a node that is away
-define(INIT, 10000).     % milliseconds that init may take

%% init of the behaviour gets the elements of Args.
start_link(Node, Module, Args) ->
    start(Node, Module, start_link, Args).

%% The same, registered as Name on the Python node; init gets Args as one term.
start_link(Name, Node, Module, Args) ->
    Self = self(),
    start(Node, gen, init_it, [gen_server, Self, Self, {local, Name}, Module, Args, []]).

start(Node, Module, Function, Args) ->
    case is_up(Node, ?AWAY) of
        true -> await(proc_lib:spawn_link(Node, Module, Function, Args));
        false -> {error, noconnection}
    end.

%% A supervisor tries again at once: without a pause its intensity would be used up
%% long before a node is back.
is_up(Node, Seconds) ->
    case net_adm:ping(Node) of
        pong -> true;
        pang when Seconds > 0 -> timer:sleep(1000), is_up(Node, Seconds - 1);
        pang -> false
    end.

await(Pid) ->
    receive
        {ack, Pid, Return} -> Return;
        {nack, Pid, Return} -> receive {'EXIT', Pid, _} -> Return end;
        {'EXIT', Pid, Reason} -> {error, Reason}
    after ?INIT ->
        unlink(Pid),
        exit(Pid, kill),
        receive {'EXIT', Pid, _} -> ok after 0 -> ok end,
        {error, timeout}
    end.
