defmodule Stages.Recorder do
  @moduledoc """
  A process that does what it is told and keeps every other message as it came.

  `act/2` tells it: `{:send, to, message}`, `{:monitor, dest}`, `{:demonitor, monitor}`,
  `{:take, count}` (the next messages, waiting for them), `:rest` (all that are there),
  or `{:exit, reason}`.
  """

  def start(), do: :erlang.spawn(fn -> loop(:queue.new()) end)

  def act(recorder, command) do
    monitor = :erlang.monitor(:process, recorder)
    send(recorder, {__MODULE__, self(), monitor, command})

    receive do
      {^monitor, result} ->
        :erlang.demonitor(monitor, [:flush])
        result

      {:DOWN, ^monitor, _, _, reason} ->
        {:down, reason}
    end
  end

  defp loop(kept) do
    receive do
      {__MODULE__, from, ref, {:take, count}} ->
        {taken, kept} = take(count, kept, [])
        send(from, {ref, taken})
        loop(kept)

      {__MODULE__, from, ref, :rest} ->
        send(from, {ref, :queue.to_list(kept)})
        loop(:queue.new())

      {__MODULE__, from, ref, command} ->
        send(from, {ref, act(command)})
        loop(kept)

      message ->
        loop(:queue.in(message, kept))
    end
  end

  defp act({:send, to, message}), do: send(to, message)
  defp act({:monitor, dest}), do: :erlang.monitor(:process, dest)
  defp act({:demonitor, monitor}), do: :erlang.demonitor(monitor, [:flush])
  defp act({:exit, reason}), do: exit(reason)

  defp take(0, kept, taken), do: {:lists.reverse(taken), kept}

  defp take(count, kept, taken) do
    case :queue.out(kept) do
      {{:value, message}, kept} -> take(count - 1, kept, [message | taken])
      {:empty, kept} -> take(count, :queue.in(receive(do: (message -> message)), kept), taken)
    end
  end
end
