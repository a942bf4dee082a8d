# A child specification for a process of a Python node, for Supervisor and
# DynamicSupervisor alike:
#
#     {PythonChild, {:"py@127.0.0.1", :model, [0.5]}}
#
# Nothing but OTP; the Python side is node.provide_spawn("model", Model).
defmodule PythonChild do
  # Seconds to wait for a node that is away; milliseconds that init may take.
  @away 30
  @init 10_000

  def child_spec({node, module, args}) do
    %{
      id: {__MODULE__, node, module},
      start: {__MODULE__, :start_link, [node, module, args]},
      shutdown: 5_000
    }
  end

  @doc "init of the behaviour gets the elements of args."
  def start_link(node, module, args) do
    if up?(node, @away) do
      await(:proc_lib.spawn_link(node, module, :start_link, args))
    else
      {:error, :noconnection}
    end
  end

  # A supervisor tries again at once: without a pause its max_restarts would be used
  # up long before a node is back.
  defp up?(node, seconds) do
    cond do
      Node.ping(node) == :pong -> true
      seconds == 0 -> false
      true -> Process.sleep(1_000) && up?(node, seconds - 1)
    end
  end

  defp await(pid) do
    receive do
      {:ack, ^pid, return} ->
        return

      {:nack, ^pid, return} ->
        receive do: ({:EXIT, ^pid, _} -> return)

      {:EXIT, ^pid, reason} ->
        {:error, reason}
    after
      @init ->
        Process.unlink(pid)
        Process.exit(pid, :kill)

        receive do
          {:EXIT, ^pid, _} -> :ok
        after
          0 -> :ok
        end

        {:error, :timeout}
    end
  end
end
