defmodule Stages.Inlet do
  @moduledoc """
  The consumer's half of subscriptions: who was asked for how much.

  A subscription is `{producer, cancel, demand}` under its tag, the monitor of the
  producer; demand is `{pending, min, max}`, or `:manual`.
  """

  alias Stages.Inlet

  defstruct producers: %{}

  @doc "Subscribe and, unless `mode` is `:manual`, ask for the first events."
  def subscribe(inlet, to, options, mode \\ :automatic, current \\ nil) do
    max = :proplists.get_value(:max_demand, options, 1000)
    min = :proplists.get_value(:min_demand, options, div(max, 2))
    cancel = :proplists.get_value(:cancel, options, :permanent)
    tag = :erlang.monitor(:process, to)
    tell({to, tag}, {:subscribe, current, options})
    demand = if mode == :manual, do: :manual, else: {max, min, max}
    producers = :maps.put(tag, {to, cancel, demand}, inlet.producers)
    if mode != :manual, do: ask({to, tag}, max)
    {tag, %Inlet{inlet | producers: producers}}
  end

  @doc """
  Cut what came into batches, `{events, count to ask for when they are handled}`.

  It is `:unknown` for a tag that is nobody's; the sender has been told so.
  """
  def take(inlet, {producer, tag}, events) do
    case inlet.producers do
      %{^tag => {to, cancel, {pending, min, max}}} ->
        {pending, batches} = batches(events, pending, min, max, [])
        producers = :maps.put(tag, {to, cancel, {pending, min, max}}, inlet.producers)
        {batches, %Inlet{inlet | producers: producers}}

      %{^tag => _} ->
        {[{events, 0}], inlet}

      _ ->
        tell({producer, tag}, {:cancel, :unknown_subscription})
        :unknown
    end
  end

  defp batches([], pending, _min, _max, done), do: {pending, :lists.reverse(done)}

  defp batches(events, pending, min, max, done) do
    {batch, events} = split(events, max - min, [])

    case pending - length(batch) do
      left when left > min -> batches(events, left, min, max, [{batch, 0} | done])
      left -> batches(events, max, min, max, [{batch, max - left} | done])
    end
  end

  defp split([event | events], count, batch) when count > 0,
    do: split(events, count - 1, [event | batch])

  defp split(events, _count, batch), do: {:lists.reverse(batch), events}

  @doc "Ask a producer for more."
  def ask(_subscription, 0), do: :ok
  def ask(subscription, count), do: tell(subscription, {:ask, count})

  @doc "The producer under a tag; what `ask/2` and `tell/2` want is both."
  def producer(inlet, tag), do: :erlang.element(1, :maps.get(tag, inlet.producers))

  @doc """
  Have this stage told to subscribe to `to` again after a while, or `:never`.

  It is told when `to` answers: a producer that a monitor has not found may be there when
  the subscription comes right behind that, and would give its first events to nobody.
  """
  def again(:never, _to, _wanted), do: :ok

  def again(milliseconds, to, wanted) do
    {_, options} = :lists.keyfind(to, 1, wanted)
    stage = self()

    :erlang.spawn_link(fn ->
      wait_for(to, milliseconds)
      :erlang.send(stage, {:subscribe, to, options})
    end)
  end

  defp wait_for(to, milliseconds) do
    :timer.sleep(milliseconds)

    try do
      :gen_server.call(to, :"$estimate_buffered_count")
    catch
      :exit, _ -> wait_for(to, milliseconds)
    end
  end

  def tell({to, tag}, message) do
    :erlang.send(to, {:"$gen_producer", {self(), tag}, message}, [:noconnect])
    :ok
  end

  @doc """
  The subscription is over: `{:stop | :stay, producer, inlet}`, or `:unknown`.
  """
  def cancelled(inlet, tag, reason) do
    case :maps.take(tag, inlet.producers) do
      {{to, cancel, _}, producers} ->
        :erlang.demonitor(tag, [:flush])
        {fate(cancel, reason), to, %Inlet{inlet | producers: producers}}

      :error ->
        :unknown
    end
  end

  defp fate(:permanent, _), do: :stop
  defp fate(:temporary, _), do: :stay
  defp fate(:transient, reason) when reason in [:normal, :shutdown], do: :stay
  defp fate(:transient, {:shutdown, _}), do: :stay
  defp fate(:transient, _), do: :stop
end
