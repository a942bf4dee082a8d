%% A gen_server for tests to call, and the mirror of the Python one.
-module(ergopy_peer_server).
-behaviour(gen_server).
-export([start/1, start/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

%% Not linked: an expression's process ends as soon as it has its value.
start(Name) -> start(Name, 0).

start(Name, State) -> gen_server:start({local, Name}, ?MODULE, State, []).

init(State) -> {ok, State}.

handle_call({echo, Term}, _From, State) ->
    {reply, Term, State};
handle_call({add, N}, _From, State) ->
    {reply, State + N, State + N};
handle_call(value, _From, State) ->
    {reply, State, State};
handle_call({later, Ms, Reply}, From, State) ->
    erlang:send_after(Ms, self(), {reply, From, Reply}),
    {noreply, State};
handle_call(never, _From, State) ->
    {noreply, State};
handle_call(crash, _From, _State) ->
    error(wanted);
handle_call({exit, Reason}, _From, _State) ->
    exit(Reason);
handle_call({stop, Reason, Reply}, _From, State) ->
    {stop, Reason, Reply, State}.

handle_cast({add, N}, State) ->
    {noreply, State + N};
handle_cast({tell, Pid, Term}, State) ->
    Pid ! Term,
    {noreply, State}.

handle_info({reply, From, Reply}, State) ->
    gen_server:reply(From, Reply),
    {noreply, State};
handle_info({ping, From}, State) ->
    From ! {pong, self()},
    {noreply, State};
handle_info(_, State) ->
    {noreply, State}.

terminate(_Reason, _State) -> ok.
