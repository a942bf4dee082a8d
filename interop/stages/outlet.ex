defmodule Stages.Outlet do
  @moduledoc """
  The producer's half of subscriptions: who may be sent how much.

  Whoever is owed most is served first. Events that nobody asked for wait in order.
  What was sent under each tag is kept, also when the consumer is gone.
  """

  alias Stages.{Outlet, Ranges}

  defstruct consumers: %{}, demands: [], waiting: [], sent: %{}

  @doc "A consumer's message: the demand that waiting events do not serve, and the outlet."
  def handle(from, {:subscribe, current, _options}, outlet),
    do: {0, subscribe(outlet, from, current)}

  def handle(from, {:ask, count}, outlet), do: ask(outlet, from, count)
  def handle({_, tag}, {:cancel, reason}, outlet), do: {0, cancel(outlet, tag, reason)}

  defp subscribe(outlet, {pid, tag} = from, current) do
    case outlet.consumers do
      %{^tag => _} ->
        refuse(from, :duplicated_subscription)
        outlet

      _ ->
        outlet = replace(outlet, current)
        monitor = :erlang.monitor(:process, pid)
        consumers = :maps.put(tag, {pid, monitor}, outlet.consumers)
        %Outlet{outlet | consumers: consumers, demands: outlet.demands ++ [{0, pid, tag}]}
    end
  end

  defp replace(outlet, {tag, reason}), do: cancel(outlet, tag, reason)
  defp replace(outlet, nil), do: outlet

  defp ask(outlet, {_, tag} = from, count) do
    case :lists.keytake(tag, 3, outlet.demands) do
      {:value, {owed, pid, _}, rest} ->
        demands = insert(rest, {owed + count, pid, tag})
        served = flush(%Outlet{outlet | demands: demands})
        {count - (length(outlet.waiting) - length(served.waiting)), served}

      false ->
        refuse(from, :unknown_subscription)
        {0, outlet}
    end
  end

  @doc "End a subscription and say so to the consumer."
  def cancel(outlet, tag, reason) do
    case outlet.consumers do
      %{^tag => {pid, _}} ->
        refuse({pid, tag}, reason)
        forget(outlet, tag)

      _ ->
        outlet
    end
  end

  def cancel_all(outlet, reason) do
    cancel_one = fn tag, outlet -> cancel(outlet, tag, reason) end
    :lists.foldl(cancel_one, outlet, :maps.keys(outlet.consumers))
  end

  @doc "A monitored process ended: the outlet without it, or `nil` if it is no consumer."
  def down(outlet, monitor) do
    left = :maps.filter(fn _, {_, other} -> other == monitor end, outlet.consumers)

    case :maps.keys(left) do
      [tag] -> forget(outlet, tag)
      [] -> nil
    end
  end

  defp forget(outlet, tag) do
    {{_, monitor}, consumers} = :maps.take(tag, outlet.consumers)
    :erlang.demonitor(monitor, [:flush])
    demands = :lists.keydelete(tag, 3, outlet.demands)
    %Outlet{outlet | consumers: consumers, demands: demands}
  end

  @doc "Send events to those who asked; keep the others."
  def dispatch(outlet, events), do: flush(%Outlet{outlet | waiting: outlet.waiting ++ events})

  defp flush(%Outlet{waiting: [_ | _], demands: [{owed, pid, tag} | rest]} = outlet)
       when owed > 0 do
    {count, now, later} = split(outlet.waiting, owed, [], 0)
    say({pid, tag}, now)
    runs = Ranges.add(:maps.get(tag, outlet.sent, Ranges.new()), now)
    demands = insert(rest, {owed - count, pid, tag})
    sent = :maps.put(tag, runs, outlet.sent)
    flush(%Outlet{outlet | waiting: later, demands: demands, sent: sent})
  end

  defp flush(outlet), do: outlet

  defp split([event | events], owed, now, count) when count < owed,
    do: split(events, owed, [event | now], count + 1)

  defp split(later, _owed, now, count), do: {count, :lists.reverse(now), later}

  defp insert([{more, _, _} = first | rest], {owed, _, _} = entry) when more >= owed,
    do: [first | insert(rest, entry)]

  defp insert(demands, entry), do: [entry | demands]

  @doc "How many events consumers wait for."
  def owed(outlet), do: :lists.sum(:lists.map(&:erlang.element(1, &1), outlet.demands))

  @doc "What was sent: `[{tag, [{first, last}]}]`."
  def sent(outlet),
    do: :maps.to_list(:maps.map(fn _, runs -> Ranges.to_list(runs) end, outlet.sent))

  defp refuse(from, reason), do: say(from, {:cancel, reason})

  # What is for a node that is lost stays here, as with the real ones.
  defp say({pid, tag}, what),
    do: :erlang.send(pid, {:"$gen_consumer", {self(), tag}, what}, [:noconnect])
end
