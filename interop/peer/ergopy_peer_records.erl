%% A program that keeps its data in records.
-module(ergopy_peer_records).
-export([order/0, empty/0, total/1, note/1, same/1]).

-record(line, {sku :: atom(), count = 1 :: integer()}).
-record(order, {id :: integer(), lines = [] :: [#line{}], note}).

order() ->
    #order{id = 7, lines = [#line{sku = tea}, #line{sku = jam, count = 3}]}.

empty() ->
    #order{}.

total(#order{lines = Lines}) ->
    lists:sum([Count || #line{count = Count} <- Lines]).

note(#order{note = undefined}) -> none;
note(#order{note = Note}) -> {some, Note}.

same(Order) ->
    Order =:= order().
