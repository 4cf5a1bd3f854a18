using System.Collections.Immutable;
using System.Text.Json;
using OnnxPriors.Artifacts;

namespace OnnxPriors.Runtime.Steps;

/// <summary>What one kind of operator cost in one phase.</summary>
/// <param name="Phase">The phase.</param>
/// <param name="Operator">The operator, as the runtime calls what it ran.</param>
/// <param name="Milliseconds">The time of all its nodes, over all runs.</param>
/// <param name="Calls">How often one ran.</param>
public sealed record OperatorTime(StepPhase Phase, string Operator, double Milliseconds, int Calls);

/// <summary>Where the time of profiled steps went, as ONNX Runtime measured its nodes one by one.</summary>
/// <param name="Operators">Time by phase and operator, the longest first.</param>
public sealed record StepProfile(ImmutableArray<OperatorTime> Operators)
{
    private const string Suffix = "_kernel_time";

    /// <summary>The share of a phase in the time of all nodes, 0 to 1.</summary>
    /// <param name="phase">The phase.</param>
    public double Share(StepPhase phase)
    {
        var all = Operators.Sum(o => o.Milliseconds);
        return all == 0 ? 0 : Operators.Where(o => o.Phase == phase).Sum(o => o.Milliseconds) / all;
    }

    /// <summary>Reads the profiles of a gradient and an update session whose nodes are named by <see cref="StepPhases"/>.</summary>
    /// <param name="paths">The files that ONNX Runtime wrote.</param>
    /// <exception cref="StepException">A file is no profile.</exception>
    public static StepProfile Read(IEnumerable<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var times = new Dictionary<(StepPhase, string), (double Milliseconds, int Calls)>();
        foreach (var path in paths)
        {
            try
            {
                using var stream = File.OpenRead(path);
                using var trace = JsonDocument.Parse(stream);
                // What the runtime put in itself (a copy, a change of layout) serves the node before it.
                var phase = StepPhase.Forward;
                foreach (var entry in trace.RootElement.EnumerateArray().Where(IsKernel))
                {
                    var name = entry.GetProperty("name").GetString()!;
                    phase = StepPhases.Of(name[..^Suffix.Length]) ?? phase;
                    var key = (phase, entry.GetProperty("args").GetProperty("op_name").GetString() ?? "");
                    var (milliseconds, calls) = times.GetValueOrDefault(key);
                    times[key] = (milliseconds + entry.GetProperty("dur").GetDouble() / 1000, calls + 1);
                }
            }
            catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
            {
                throw new StepException($"ONNX Runtime's profile '{path}' cannot be read: {error.Message}", error);
            }
        }
        return new([.. times.Select(t => new OperatorTime(t.Key.Item1, t.Key.Item2, t.Value.Milliseconds, t.Value.Calls)).OrderByDescending(o => o.Milliseconds)]);
    }

    private static bool IsKernel(JsonElement entry) =>
        entry.TryGetProperty("cat", out var category) && category.GetString() == "Node"
        && entry.TryGetProperty("name", out var name) && name.GetString()!.EndsWith(Suffix, StringComparison.Ordinal);
}
