%% A logger handler that sends the reports of one supervisor to a process.
-module(ergopy_reports).
-export([start/2, log/2]).

%% Returns the id under which the handler can be removed.
start(Sup, To) ->
    Id = list_to_atom("reports_" ++ integer_to_list(erlang:unique_integer([positive]))),
    Config = #{level => debug, config => #{sup => Sup, to => To}},
    ok = logger:add_handler(Id, ?MODULE, Config),
    Id.

log(#{msg := {report, #{label := {supervisor, Context}, report := Report}}},
    #{config := #{sup := Sup, to := To}}) ->
    case proplists:get_value(supervisor, Report) of
        {Sup, _} -> To ! {report, Context, Report};
        _ -> ok
    end;
log(_, _) ->
    ok.
