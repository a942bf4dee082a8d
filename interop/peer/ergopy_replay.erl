%% Plays a script on a real supervisor and says what happened.
%%
%% A script is {Tree, Steps}. A tree is {Flags, Children}; a child is a map with the
%% keys of a child specification but start, and with
%%
%%   plan => [ok | ignore | {error, Reason}]   what becomes of its first start, of its
%%                                             second, ..; of the later ones as of the last
%%   trap => false | obey | slow | {odd, Reason}   what it does when told to end
%%   tree => Tree                              for a supervisor below
%%
%% With the strategy simple_one_for_one the one child says what all have in common, and
%% each call of start_child what is its own. With the strategy dynamic the root is a
%% DynamicSupervisor of Elixir. In calls of both an id stands for the last pid of it.
%%
%% The log has, in the order in which it happened:
%%
%%   {init, Id, N, Outcome}      the Nth start of a child
%%   {down, Id, N, Reason}       its end
%%   {reply, Term}               the answer to a call
%%   {ended, Reason}             the end of the root, or of its start
%%
%% Pids in it are {pid, Id, N}; a start function is the atom start, and forgotten if
%% its arguments are (those of a temporary child). The order in which
%% two processes end is only certain on a BEAM with one scheduler (+S 1:1).
-module(ergopy_replay).
-behaviour(supervisor).
-export([runs/1, together/1, init/1, start_child/2, child/3]).

-define(PATIENCE, 20000).

runs(Scripts) -> [run(Script) || Script <- Scripts].

%% Play them all at the same time, for those with pauses in them.
together(Scripts) ->
    Host = self(),
    Pids = [spawn_link(fun() -> Host ! {self(), run(Script)} end) || Script <- Scripts],
    [receive {Pid, Log} -> Log end || Pid <- Pids].

run(Script) ->
    logger:set_primary_config(level, none),
    Host = self(),
    {Driver, Ref} = spawn_monitor(fun() -> Host ! {self(), drive(Script)} end),
    receive
        {Driver, Log} -> erlang:demonitor(Ref, [flush]), Log;
        {'DOWN', Ref, process, Driver, Reason} -> {crashed, Reason}
    after ?PATIENCE ->
        {hangs, process_info(Driver, current_stacktrace)}
    end.

drive({{Flags, _} = Tree, Steps}) ->
    process_flag(trap_exit, true),
    put(strategy, maps:get(strategy, Flags)),
    Log = spawn_link(fun() -> collect([], #{}, #{}, []) end),
    case start_root(Log, Tree) of
        {ok, Sup} -> play(Steps, Sup, Log);
        Other -> note(Log, {ended, Other})
    end,
    ask(Log, dump).

start_root(_, {#{strategy := dynamic} = Flags, []}) ->
    #{intensity := Intensity, period := Period, max_children := Most} = Flags,
    'Elixir.DynamicSupervisor':start_link([
        {strategy, one_for_one}, {max_restarts, Intensity}, {max_seconds, Period},
        {max_children, Most}]);
start_root(Log, {#{strategy := simple_one_for_one} = Flags, [Child]}) ->
    Template = (spec(Log, Child))#{start => {?MODULE, start_child, [Log]}},
    supervisor:start_link(?MODULE, {made, Flags, [Template]});
start_root(Log, Tree) ->
    supervisor:start_link(?MODULE, {Log, Tree}).

play(Steps, Sup, Log) ->
    lists:foreach(fun(Step) -> is_process_alive(Sup) andalso step(Step, Sup, Log) end, Steps),
    is_process_alive(Sup) andalso exit(Sup, shutdown),
    receive {'EXIT', Sup, Reason} -> note(Log, {ended, Reason}) end.

%% Several steps that the supervisor finds in its mailbox at once, in that order.
step({burst, Steps}, Sup, Log) ->
    sys:suspend(Sup),
    Requests = [early(Step, Sup, Log) || Step <- Steps],
    sys:resume(Sup),
    % When the answers come, between what else, is not certain.
    settle(Sup, Log),
    [note(Log, {reply, case gen_server:receive_response(Request, infinity) of
                           {reply, Reply} -> {reply, Reply};
                           {error, _} -> error
                       end})
     || Request <- Requests, Request =/= none];
step({pause, Milliseconds}, _, _) ->
    timer:sleep(Milliseconds);
step({call, Request}, Sup, Log) ->
    Reply = try {reply, gen_server:call(Sup, request(Request, Log), infinity)}
            catch exit:_ -> error end,
    note(Log, {reply, Reply}),
    settle(Sup, Log);
step(Step, Sup, Log) ->
    none = early(Step, Sup, Log),
    settle(Sup, Log).

early({call, Request}, Sup, Log) ->
    gen_server:send_request(Sup, request(Request, Log));
early({What, Id, Reason}, _, Log) ->
    case ask(Log, {whereis, Id}) of
        undefined ->
            note(Log, {nobody, Id});
        Pid ->
            deal(What, Pid, Reason),
            ask(Log, {gone, Pid})
    end,
    none.

deal(kill, Pid, _) -> exit(Pid, kill);
deal(stop, Pid, Reason) -> Pid ! {stop, Reason};
deal(unlink, Pid, Reason) -> Pid ! {unlink, Reason};
deal(end_tree, Pid, Reason) -> catch gen_server:stop(Pid, Reason, infinity).

request(Request, Log) -> request(get(strategy), Request, Log).

request(dynamic, {start_child, Child}, Log) ->
    #{restart := Restart, shutdown := Shutdown, type := Type, modules := Modules} = Child,
    MFA = {?MODULE, start_child, [Log, Child]},
    {start_child, {MFA, Restart, Shutdown, Type, Modules}};
request(simple_one_for_one, {start_child, Child}, _) -> {start_child, [Child]};
request(_, {start_child, Child}, Log) -> {start_child, spec(Log, Child)};
request(Strategy, {What, Id}, Log) when Strategy =:= dynamic; Strategy =:= simple_one_for_one ->
    {What, ask(Log, {last, Id})};
request(_, Request, _) -> Request.

%% Wait until every supervisor has dealt with what it knows. A restart that failed is
%% tried again by a message to itself, and shows meanwhile.
settle(Sup, Log) ->
    case busy(Sup) of
        true ->
            settle(Sup, Log);
        Rows ->
            Size = ask(Log, size),
            case {busy(Sup), ask(Log, size)} of
                {Rows, Size} -> ok;
                _ -> settle(Sup, Log)
            end
    end.

busy(Sup) ->
    try supervisor:which_children(Sup) of
        Rows ->
            Below = [busy(Pid) || {_, Pid, supervisor, _} <- Rows, is_pid(Pid)],
            case lists:keymember(restarting, 2, Rows) orelse lists:member(true, Below) of
                true -> true;
                false -> {Rows, Below}
            end
    catch
        exit:_ -> gone
    end.

%% The callback of the root, and of supervisors below.
init({made, Flags, Specs}) ->
    {ok, {Flags, Specs}};
init({Log, {Flags, Children}}) ->
    {ok, {Flags, [spec(Log, Child) || Child <- Children]}};
init({Log, Child, Tree}) ->
    case ask(Log, {init, self(), Child}) of
        ok -> init({Log, Tree});
        ignore -> ignore;
        {error, Reason} -> exit(Reason)
    end.

spec(Log, Child) ->
    Keys = [id, restart, shutdown, type, significant, modules],
    (maps:with(Keys, Child))#{start => {?MODULE, start_child, [Log, Child]}}.

start_child(Log, #{tree := Tree} = Child) ->
    supervisor:start_link(?MODULE, {Log, Child, Tree});
start_child(Log, Child) ->
    proc_lib:start_link(?MODULE, child, [self(), Log, Child]).

child(Parent, Log, #{trap := Trap} = Child) ->
    case ask(Log, {init, self(), Child}) of
        ok ->
            process_flag(trap_exit, Trap =/= false),
            proc_lib:init_ack(Parent, {ok, self()}),
            live(Parent, Trap);
        ignore ->
            proc_lib:init_ack(Parent, ignore);
        {error, Reason} ->
            exit(Reason)
    end.

live(Parent, Trap) ->
    receive
        {stop, Reason} -> exit(Reason);
        {unlink, Reason} -> unlink(Parent), exit(Reason);
        {'EXIT', Parent, Reason} -> obey(Trap, Reason, Parent)
    end.

obey(obey, Reason, _) -> exit(Reason);
obey({odd, Reason}, _, _) -> exit(Reason);
obey(slow, _, Parent) -> live(Parent, slow).

%% The log. It watches a process from before that has told anybody that it is up.
collect(Log, Starts, Pids, Waiting) ->
    receive
        {From, {init, Pid, #{id := Id, plan := Plan}}} ->
            N = maps:get(Id, Starts, 0) + 1,
            Outcome = lists:nth(min(N, length(Plan)), Plan),
            Outcome =:= ok andalso monitor(process, Pid),
            answer(From, Outcome),
            Last = case Outcome of ok -> #{{last, Id} => Pid}; _ -> #{} end,
            collect([{init, Id, N, Outcome} | Log], Starts#{Id => N},
                    maps:merge(Pids#{Pid => {Id, N, Outcome =:= ok}}, Last), Waiting);
        {'DOWN', _, process, Pid, Reason} ->
            #{Pid := {Id, N, true}} = Pids,
            {Done, Rest} = lists:partition(fun({_, Who}) -> Who =:= Pid end, Waiting),
            [answer(From, ok) || {From, _} <- Done],
            collect([{down, Id, N, Reason} | Log], Starts,
                    Pids#{Pid := {Id, N, false}}, Rest);
        {From, {gone, Pid}} ->
            case Pids of
                #{Pid := {_, _, true}} -> collect(Log, Starts, Pids, [{From, Pid} | Waiting]);
                _ -> answer(From, ok), collect(Log, Starts, Pids, Waiting)
            end;
        {From, {whereis, Id}} ->
            Living = [Pid || {Pid, {Who, _, true}} <- maps:to_list(Pids), Who =:= Id],
            answer(From, case Living of [Pid] -> Pid; [] -> undefined end),
            collect(Log, Starts, Pids, Waiting);
        {{Asking, _} = From, {last, Id}} ->
            answer(From, maps:get({last, Id}, Pids, Asking)),
            collect(Log, Starts, Pids, Waiting);
        {From, size} ->
            answer(From, length(Log)),
            collect(Log, Starts, Pids, Waiting);
        {From, {note, Entry}} ->
            answer(From, ok),
            collect([named(Entry, Pids) | Log], Starts, Pids, Waiting);
        {From, dump} ->
            answer(From, lists:reverse(Log))
    end.

named({?MODULE, start_child, [_, _]}, _) -> start;
named({?MODULE, start_child, [_]}, _) -> start;
named({?MODULE, start_child, undefined}, _) -> forgotten;
named(Pid, Pids) when is_pid(Pid) ->
    case Pids of
        #{Pid := {Id, N, _}} -> {pid, Id, N};
        _ -> {pid, unknown, 0}
    end;
named(Term, Pids) when is_tuple(Term) ->
    list_to_tuple(named(tuple_to_list(Term), Pids));
named([Head | Tail], Pids) -> [named(Head, Pids) | named(Tail, Pids)];
named(Map, Pids) when is_map(Map) -> maps:map(fun(_, V) -> named(V, Pids) end, Map);
named(Term, _) -> Term.

note(Log, Entry) -> ask(Log, {note, Entry}).

ask(Log, Question) ->
    Ref = make_ref(),
    Log ! {{self(), Ref}, Question},
    receive {Ref, Answer} -> Answer end.

answer({Pid, Ref}, Answer) -> Pid ! {Ref, Answer}.
