%% A gen_event handler that does what each event says, and the driver of a script.
%%
%% Who runs a script gets its log: for each operation what callbacks were called, its
%% result, and what the supervisors of handlers heard. tests/gen/event_manager/tables.py
%% is the same in Python, and says what scripts look like.
-module(ergopy_peer_events).
-behaviour(gen_event).
-export([run/1, run_all/1]).
-export([init/1, handle_event/2, handle_call/2, handle_info/2, terminate/2]).

-define(SUPERVISORS, 2).

run_all(Scripts) ->
    Host = self(),
    Pids = [spawn(fun() -> Host ! {self(), run(Script)} end) || Script <- Scripts],
    [receive {Pid, Log} -> Log end || Pid <- Pids].

run(Script) ->
    {ok, Manager} = gen_event:start(),
    register_driver(Manager),
    {Log, Supervisors} = lists:mapfoldl(
        fun(Op, Known) -> step(Op, Manager, Known) end,
        [supervisor(Manager) || _ <- lists:seq(1, ?SUPERVISORS)],
        Script ++ [state, stop]
    ),
    [exit(Pid, kill) || Pid <- Supervisors],
    Log.

%% The handlers run in the manager, and send their log to its driver.
register_driver(Manager) ->
    Driver = self(),
    sys:replace_state(Manager, fun(State) -> put(driver, Driver), State end),
    %% That fun is called once for each handler only: there has to be one.
    ok = gen_event:add_handler(Manager, {?MODULE, first}, {driver, Driver}).

supervisor(_) -> spawn(fun() -> heard([]) end).

heard(Messages) ->
    receive
        {do, From, Fun} -> From ! {done, Fun()}, heard(Messages);
        {take, From} -> From ! {heard, lists:reverse(Messages)}, heard([]);
        {leave, Reason} -> exit(Reason);
        Message -> heard([Message | Messages])
    end.

step(Op, Manager, Supervisors) ->
    {Result, Now} = do(Op, Manager, Supervisors),
    Heard = [begin Pid ! {take, self()}, receive {heard, H} -> H end end || Pid <- Now],
    {{Op, log(), named(Result, Now), named(Heard, Now)}, Now}.

do({leave, N, Reason}, Manager, Supervisors) ->
    Pid = lists:nth(N, Supervisors),
    Monitor = monitor(process, Pid),
    Pid ! {leave, Reason},
    receive {'DOWN', Monitor, _, _, _} -> timer:sleep(5) end,
    {Before, [_ | After]} = lists:split(N - 1, Supervisors),
    {gen_event:which_handlers(Manager), Before ++ [supervisor(Manager) | After]};
do({by, N, Op}, Manager, Supervisors) ->
    lists:nth(N, Supervisors) ! {do, self(), fun() -> call(Op, Manager) end},
    {receive {done, Result} -> Result end, Supervisors};
do(Op, Manager, Supervisors) ->
    {call(Op, Manager), Supervisors}.

call({notify, Event}, Manager) ->
    ok = gen_event:notify(Manager, Event),
    gen_event:which_handlers(Manager);
call({info, Message}, Manager) ->
    Manager ! Message,
    gen_event:which_handlers(Manager);
call({sync_notify, Event}, Manager) ->
    {gen_event:sync_notify(Manager, Event), gen_event:which_handlers(Manager)};
call({call, Name, Request}, Manager) ->
    {gen_event:call(Manager, Name, Request), gen_event:which_handlers(Manager)};
call({add, Name, Args}, Manager) -> gen_event:add_handler(Manager, Name, Args);
call({add_sup, Name, Args}, Manager) -> gen_event:add_sup_handler(Manager, Name, Args);
call({delete, Name, Args}, Manager) -> gen_event:delete_handler(Manager, Name, Args);
call({swap, Old, New}, Manager) -> gen_event:swap_handler(Manager, Old, New);
call({swap_sup, Old, New}, Manager) -> gen_event:swap_sup_handler(Manager, Old, New);
call(which, Manager) -> gen_event:which_handlers(Manager);
call(state, Manager) -> sys:get_state(Manager);
call(stop, Manager) -> gen_event:stop(Manager).

log() ->
    receive {log, Entry} -> [Entry | log()]
    after 0 -> []
    end.

%% Pids of supervisors by their number, as others have other pids; and of a stack the
%% first frame alone.
named({undef, [Frame | _]}, _) -> {undef, [Frame]};
named(Pid, Supervisors) when is_pid(Pid) ->
    case [N || {N, P} <- lists:enumerate(Supervisors), P =:= Pid] of
        [N] -> {supervisor, N};
        [] -> gone
    end;
named(Tuple, Supervisors) when is_tuple(Tuple) ->
    list_to_tuple(named(tuple_to_list(Tuple), Supervisors));
named([Head | Tail], Supervisors) ->
    [named(Head, Supervisors) | named(Tail, Supervisors)];
named(Term, _) -> Term.

note(Entry) ->
    get(driver) ! {log, Entry}.

init({driver, Driver}) -> put(driver, Driver), {ok, first};
init({Args, Former}) ->
    note({swapped_in, Args, Former}),
    begin_as(Args);
init(Args) -> begin_as(Args).

begin_as(crash) -> exit(wanted);
begin_as(refuse) -> {error, refused};
begin_as(Tag) -> note({init, Tag}), {ok, Tag}.

handle_event(Event, Tag) ->
    note({event, Tag, Event}),
    outcome(maps:get(Tag, Event, stay), Tag).

handle_info(Event, Tag) when is_map(Event) ->
    note({info, Tag, Event}),
    outcome(maps:get(Tag, Event, stay), Tag);
handle_info({'EXIT', _, Reason}, Tag) ->
    note({lost, Tag, Reason}),
    {ok, Tag}.

handle_call(Request, Tag) ->
    note({call, Tag, Request}),
    case maps:get(Tag, Request, stay) of
        stay -> {ok, {reply, Tag}, Tag};
        remove -> {remove_handler, {bye, Tag}};
        {swap, Leaving, New, Args} -> {swap_handler, {bye, Tag}, Leaving, Tag, New, Args};
        crash -> exit(wanted)
    end.

outcome(stay, Tag) -> {ok, Tag};
outcome(remove, _) -> remove_handler;
outcome({swap, Leaving, New, Args}, Tag) -> {swap_handler, Leaving, Tag, New, Args};
outcome(bad, _) -> {bad, 1};
outcome(crash, _) -> exit(wanted).

terminate(Args, Tag) ->
    note({terminate, Tag, Args}),
    case Args of
        crash -> exit(wanted);
        _ -> {left, Tag}
    end.
