defmodule Stages.Stream do
  @moduledoc """
  Consumes in the process that calls, under a tag of two references.

  It subscribes and asks at once, as a stream of events does that has no process of its
  own; it takes as many events as it was told to, cancels, and leaves no message behind.
  """

  @doc "The first `count` events of a producer, or why there are no more."
  def take(producer, count, options) do
    max = :proplists.get_value(:max_demand, options, 1000)
    min = :proplists.get_value(:min_demand, options, div(max, 2))
    monitor = :erlang.monitor(:process, producer)
    subscription = {producer, {make_ref(), monitor}}
    tell(subscription, {:subscribe, nil, options})
    tell(subscription, {:ask, max})
    result = collect(subscription, count, {max, min, max}, [])
    :erlang.demonitor(monitor, [:flush])
    result
  end

  defp tell({producer, tag}, message),
    do: send(producer, {:"$gen_producer", {self(), tag}, message})

  defp collect(subscription, left, _demand, events) when left <= 0 do
    tell(subscription, {:cancel, :normal})
    :ok = until_cancelled(subscription)
    :lists.append(:lists.reverse(events))
  end

  defp collect({_, {_, monitor} = tag} = subscription, left, {pending, min, max}, events) do
    receive do
      {:"$gen_consumer", {_, ^tag}, batch} when is_list(batch) ->
        demand = refill(subscription, pending - length(batch), min, max)
        collect(subscription, left - length(batch), demand, [batch | events])

      {:"$gen_consumer", {_, ^tag}, {:cancel, reason}} ->
        {:cancelled, reason, :lists.append(:lists.reverse(events))}

      {:DOWN, ^monitor, _, _, reason} ->
        {:down, reason, :lists.append(:lists.reverse(events))}
    end
  end

  defp refill(_subscription, pending, min, max) when pending > min, do: {pending, min, max}

  defp refill(subscription, pending, min, max) do
    tell(subscription, {:ask, max - pending})
    {max, min, max}
  end

  defp until_cancelled({_, {_, monitor} = tag} = subscription) do
    receive do
      {:"$gen_consumer", {_, ^tag}, {:cancel, :normal}} -> :ok
      {:"$gen_consumer", {_, ^tag}, _late} -> until_cancelled(subscription)
      {:DOWN, ^monitor, _, _, _} -> :ok
    end
  end
end
