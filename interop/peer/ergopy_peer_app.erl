%% An application that tells whoever plays it what becomes of it, for comparison with
%% one of ergopy that is told to do the same.
-module(ergopy_peer_app).

-export([play/2]).
-export([start/2, start_phase/3, prep_stop/1, stop/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).
-export([start_child/1]).

%% Load an application that goes by Plan, start it, take Steps; return how the start
%% went, what was logged, and whether it runs in the end.
play(Plan, Steps) ->
    App = list_to_atom("app_" ++ integer_to_list(erlang:unique_integer([positive]))),
    Phases = case maps:get(phases, Plan, []) of [] -> undefined; Some -> Some end,
    Args = Plan#{log => self()},
    ok = application:load({application, App,
        [{description, ""}, {vsn, "1"}, {modules, [?MODULE]}, {registered, []},
         {applications, [kernel]}, {mod, {?MODULE, Args}}, {start_phases, Phases}]}),
    Started = case application:start(App, temporary) of
        ok -> up;
        {error, {Reason, {?MODULE, start, [normal, Args]}}} -> {failed, Reason};
        {error, _} -> failed
    end,
    [step(App, Step) || Step <- Steps],
    Runs = runs(App),
    Runs andalso application:stop(App),
    application:unload(App),
    {Started, log(), Runs}.

step(App, stop) ->
    ok = application:stop(App);
step(App, {whom, Name, What}) ->
    Pid = whereis(Name),
    case What of
        kill -> exit(Pid, kill);
        _ -> gen_server:cast(Pid, What)
    end,
    until_gone(App).

until_gone(App) ->
    case runs(App) of
        true -> timer:sleep(2), until_gone(App);
        false -> ok
    end.

runs(App) ->
    lists:keymember(App, 1, application:which_applications()).

log() ->
    receive {log, What} -> [What | log()] after 0 -> [] end.

say(#{log := Log}, What) ->
    Log ! {log, What}.

%% application

start(normal, Plan) ->
    say(Plan, start),
    case maps:get(start, Plan, sup) of
        sup -> {ok, Pid} = supervisor:start_link(?MODULE, {sup, Plan}), {ok, Pid, Plan};
        top -> {ok, Pid} = start_server(top, Plan), {ok, Pid, Plan};
        {error, Reason} -> {error, Reason};
        crash -> error(wanted)
    end.

%% A phase is not told the arguments of the application. (One that fails is not played:
%% OTP leaves the processes running.)
start_phase(Phase, normal, Argument) ->
    {_, Plan} = sys:get_state(child),
    say(Plan, {phase, Phase, Argument}),
    ok.

prep_stop(Plan) ->
    say(Plan, prep_stop),
    maps:get(prep_stop, Plan, ok) =:= crash andalso error(wanted),
    Plan.

stop(Plan) ->
    say(Plan, stop),
    maps:get(stop, Plan, ok) =:= crash andalso error(wanted),
    ok.

%% supervisor and gen_server

init({sup, Plan}) ->
    Child = #{id => child, start => {?MODULE, start_child, [Plan]}},
    {ok, {#{intensity => 0, period => 1}, [Child]}};
init({Name, Plan}) ->
    process_flag(trap_exit, true),
    say(Plan, {Name, up}),
    maps:get(child, Plan, ok) =:= fails andalso exit(unfit),
    {ok, {Name, Plan}}.

start_child(Plan) ->
    start_server(child, Plan).

start_server(Name, Plan) ->
    gen_server:start_link({local, Name}, ?MODULE, {Name, Plan}, []).

handle_call(_, _, State) ->
    {reply, ok, State}.

handle_cast(Reason, State) ->
    {stop, Reason, State}.

handle_info(_, State) ->
    {noreply, State}.

terminate(Reason, {Name, Plan}) ->
    say(Plan, {Name, down, Reason}).
