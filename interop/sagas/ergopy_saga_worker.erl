%% A worker of a Python saga: it does a job of a transaction, and reports to a process.
-module(ergopy_saga_worker).
-export([start/0]).

start() ->
    receive
        {'$saga_job_start', Saga, {Job, Tx, Key, {Work, Report}, TwoPhases}}
          when is_reference(Tx), is_binary(Key) ->
            Report ! started,
            Waits = work(Work, Saga, Job) orelse TwoPhases,
            Waits andalso (Report ! last(Job))
    end.

%% Do it; return whether to wait though there is no second phase.
work(crash, _Saga, _Job) ->
    exit(boom);
work(wait, _Saga, _Job) ->
    true;
work(Value, Saga, Job) ->
    Saga ! {'$saga_job_interim', self(), {Job, half}},
    Saga ! {'$saga_job_result', self(), {Job, {done, Value}}},
    false.

last(Job) ->
    receive
        {'$saga_job_commit', _, {Job, Final}} -> {commit, Final};
        {'$saga_job_cancel', _, {Job, Reason}} -> {cancel, Reason}
    end.
