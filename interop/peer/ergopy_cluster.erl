%% What a BEAM of a cluster is asked; `clusters/program.py` has the same words in Python.
-module(ergopy_cluster).
-behaviour(gen_server).
-export([holder/0, ask/2, kill/1, is_alive/1, members/0, connect/1, disconnect/1, leave/0]).
-export([register/2, register/3, re_register/2, unregister/1, whereis/1, names/0, known/0, sync/0]).
-export([smaller/3, is_free/1, locks/0, count/3]).
-export([pg_start/1, pg_crash/1, pg_join/3, pg_leave/3, pg_groups/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

%% A process that has a name, a lock or a place in a group, and keeps what it is told.
holder() ->
    {ok, Pid} = gen_server:start(?MODULE, [], []),
    Pid.

init([]) -> {ok, {0, []}}.

handle_call({echo, Term}, _, State) -> {reply, {node(), Term}, State};
handle_call(get, _, {Value, _} = State) -> {reply, Value, State};
handle_call({set, Value}, _, {_, Heard}) -> {reply, ok, {Value, Heard}};
handle_call(heard, _, {_, Heard} = State) -> {reply, lists:reverse(Heard), State};
handle_call(watch, _, State) ->
    {reply, net_kernel:monitor_nodes(true, [{node_type, all}]) =:= ok, State};
handle_call({lock, Id}, _, State) -> {reply, global:set_lock(Id), State};
handle_call({unlock, Id}, _, State) -> {reply, global:del_lock(Id), State}.

handle_cast(Request, {Value, Heard}) -> {noreply, {Value, [Request | Heard]}}.

handle_info({nodeup, _, _}, State) -> {noreply, State};
handle_info({nodedown, Node, _}, {Value, Heard}) -> {noreply, {Value, [{nodedown, Node} | Heard]}};
handle_info(Message, {Value, Heard}) -> {noreply, {Value, [Message | Heard]}}.

ask(Dest, Request) -> gen_server:call(Dest, Request).

%% End a process of any node.
kill(Pid) -> exit(Pid, kill).

is_alive(Pid) -> is_process_alive(Pid).

%% The cluster.

members() -> lists:sort(nodes()).

connect(Node) -> net_kernel:connect_node(Node).

disconnect(Node) -> erlang:disconnect_node(Node).

%% End in order.
leave() ->
    init:stop(),
    true.

%% global.

register(Name, Pid) -> global:register_name(Name, Pid).

register(Name, Pid, smaller) -> global:register_name(Name, Pid, fun ?MODULE:smaller/3);
register(Name, Pid, random_exit) -> global:register_name(Name, Pid);
register(Name, Pid, none) -> global:register_name(Name, Pid, fun global:notify_all_name/3);
register(Name, Pid, random_notify) ->
    global:register_name(Name, Pid, fun global:random_notify_name/3).

%% Keep the one of the lesser node, and end nobody.
smaller(_, One, Other) when node(One) < node(Other) -> One;
smaller(_, _, Other) -> Other.

re_register(Name, Pid) -> global:re_register_name(Name, Pid).

unregister(Name) ->
    global:unregister_name(Name),
    true.

whereis(Name) -> global:whereis_name(Name).

names() -> [{Name, global:whereis_name(Name)} || Name <- global:registered_names()].

%% Those that take part, as far as this one knows.
known() -> lists:sort(gen_server:call(global_name_server, get_known)).

sync() -> global:sync().

%% Whether nobody, anywhere, has the lock.
is_free(Resource) ->
    Id = {Resource, self()},
    Free = global:set_lock(Id, [node() | nodes()], 0),
    Free andalso global:del_lock(Id),
    Free.

%% How many locks are held here.
locks() -> ets:info(global_locks, size).

%% Count up, reading and writing in steps of their own, under a lock.
count(Resource, Counter, Times) ->
    Step = fun() ->
        Value = gen_server:call(Counter, get),
        timer:sleep(1),
        ok = gen_server:call(Counter, {set, Value + 1})
    end,
    [ok = global:trans({Resource, self()}, Step) || _ <- lists:seq(1, Times)],
    ok.

%% pg. The scope is not linked to the process that asks for it.

pg_start(Scope) ->
    case pg:start(Scope) of
        {ok, Pid} -> Pid;
        {error, {already_started, Pid}} -> Pid
    end.

%% Have the scope end as nothing does by itself, and start the next.
pg_crash(Scope) ->
    Ref = monitor(process, Scope),
    exit(erlang:whereis(Scope), kill),
    receive {'DOWN', Ref, _, _, _} -> pg_start(Scope) end.

pg_join(Scope, Group, Pids) -> pg:join(Scope, Group, Pids).

pg_leave(Scope, Group, Pids) -> pg:leave(Scope, Group, Pids).

pg_groups(Scope) ->
    maps:from_list([{G, pg:get_members(Scope, G)} || G <- pg:which_groups(Scope)]).
