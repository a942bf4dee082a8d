defmodule Stages.Start do
  @moduledoc "Starts a stage of ours, under a name if its options have one."

  def start(module, %{name: name} = options),
    do: started(:gen_server.start({:local, name}, module, options, []))

  def start(module, options), do: started(:gen_server.start(module, options, []))

  defp started({:ok, pid}), do: pid
end
