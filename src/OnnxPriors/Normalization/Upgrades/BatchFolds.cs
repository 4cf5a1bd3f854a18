using OnnxPriors.Graphs;
using OnnxPriors.Normalization.Passes;

namespace OnnxPriors.Normalization.Upgrades;

/// <summary>
/// Where the batch lies in the values of a graph whose file fixed it. An axis may hold the batch times something; which of the two runs
/// faster is not in the extent and is remembered here.
/// </summary>
/// <param name="size">The number of examples the file was exported for.</param>
internal sealed class BatchFolds(long size)
{
    // Values with an axis of so many rows for each example in which the batch is the part that runs faster.
    private readonly HashSet<Value> inner = [];
    private Dimension? joined;

    /// <summary>The number of examples the file was exported for.</summary>
    public long Size => size;

    /// <summary>Whether the batch is the inner part of the axis that carries it.</summary>
    public bool IsInner(Value value) => inner.Contains(value);

    /// <summary>Says that the node at hand joins the batch to the end of an axis.</summary>
    /// <param name="extent">That axis's extent in the file.</param>
    public void JoinsInner(Dimension extent) => joined = extent;

    /// <summary>Follows a node: what has the same shared axis as an input shares it in the same order.</summary>
    public void Follow(IEnumerable<Value?> inputs, IEnumerable<Value?> outputs)
    {
        var extent = joined;
        joined = null;
        foreach (var input in inputs)
            if (extent is null && input is not null && inner.Contains(input))
                extent = SharedExtent(input);
        if (extent is { } shared)
            foreach (var output in outputs)
                if (output is not null && SharedExtent(output) == shared && shared != size)
                    inner.Add(output);
    }

    /// <summary>The first axis whose extent depends on the batch; −1 where none does.</summary>
    public static int AxisOf(Shape shape)
    {
        for (var i = 0; i < shape.Rank; i++)
            if (At(shape[i], 1) != shape[i])
                return i;
        return -1;
    }

    /// <summary>A shape as it was in the file.</summary>
    public static Shape At(Shape shape, long size) => new([.. shape.Select(d => At(d, size))]);

    private Dimension? SharedExtent(Value value) =>
        value.Shape is { } shape && AxisOf(shape) is >= 0 and var axis ? At(shape[axis], size) : null;

    private static Dimension At(Dimension dimension, long size) =>
        dimension.Substitute(new Dictionary<string, Dimension> { [MakeBatchDynamic.Symbol] = size });
}
