using OnnxPriors.Cli.Engines;
using OnnxPriors.Graphs;
using OnnxPriors.Randomness;

namespace OnnxPriors.Cli.Verification;

/// <summary>
/// Inputs for a model that nobody gave any: normal numbers; integers within the axis they index, else 0 or 1; unknown sizes as
/// stated, the first the batch (2), the others the first of 224, 64, 32 and 512 that works.
/// </summary>
internal sealed class RandomInputs(Graph graph, ulong seed, long batch = 2)
{
    /// <summary>The sizes that are tried for unknown dimensions other than the first.</summary>
    public static IReadOnlyList<long> Sizes { get; } = [224, 64, 32, 512];

    /// <summary>Whether any size is left open by the file and the user.</summary>
    public bool HasOpenSizes => graph.Inputs.Any(i => i.Shape is { } s && s.Skip(1).Any(d => !d.IsStatic));

    /// <summary>Makes the inputs with a given number for every open size.</summary>
    public IReadOnlyDictionary<string, TensorData> Make(long openSize)
    {
        var consumers = graph.Consumers();
        var inputs = new Dictionary<string, TensorData>(StringComparer.Ordinal);
        for (var i = 0; i < graph.Inputs.Length; i++)
        {
            var input = graph.Inputs[i];
            var dimensions = Dimensions(input, openSize);
            var count = checked((int)dimensions.Aggregate(1L, (product, d) => product * d));
            var numbers = new float[count];
            Philox.FillNormal(numbers, seed, step: (ulong)i);
            var data = input.Type.IsFloating() || input.Type == ElementType.Undefined
                ? TensorData.Of(numbers, [.. dimensions])
                : TensorData.Of(Integers(numbers, Limit(input, consumers)), [.. dimensions]);
            inputs.Add(input.Name, data.ConvertTo(input.Type == ElementType.Undefined ? ElementType.Float : input.Type));
        }
        return inputs;
    }

    private long[] Dimensions(Value input, long openSize)
    {
        if (input.Shape is not { } shape)
            throw new EngineException($"The input '{input.Name}' has no stated rank; give its shape with --shape {input.Name}=2x3x224x224.");
        return [.. shape.Select((d, axis) => d.Value ?? (axis == 0 ? batch : openSize))];
    }

    /// <summary>Whole numbers from 0 below a limit of normal ones: the lower half is 0 and the upper half 1; a wider range is spread evenly.</summary>
    public static long[] Integers(float[] numbers, long limit) =>
        Array.ConvertAll(numbers, n => Math.Min(limit - 1, (long)(limit * 0.5 * (1 + Math.Tanh(0.8 * n)))));

    // How many values an integer may have: the extent of the axis that it indexes, seen through operators that keep it as it is.
    private static long Limit(Value value, ILookup<Value, Node> consumers)
    {
        long limit = long.MaxValue;
        var pending = new Stack<Value>([value]);
        var seen = new HashSet<Value>();
        while (pending.TryPop(out var current))
        {
            if (!seen.Add(current))
                continue;
            foreach (var node in consumers[current])
            {
                if (node.Op is "Gather" or "GatherElements" && node.TryInput(1) == current && node.Input(0).Shape is { } table)
                    limit = Math.Min(limit, table[table.Axis(node.Attributes.Int("axis"))].Value ?? long.MaxValue);
                else if (node.Op == "OneHot" && node.TryInput(0) == current)
                    limit = Math.Min(limit, GraphBuilder.TryEvaluate(node.TryInput(1))?.ToInt64()[0] ?? long.MaxValue);
                else if (node.Op is "Cast" or "Identity" or "Reshape" or "Squeeze" or "Unsqueeze" or "Transpose" or "Flatten" or "Slice")
                    pending.Push(node.Outputs[0]!);
            }
        }
        return limit == long.MaxValue ? 2 : Math.Max(1, limit);
    }
}
