using OnnxPriors.Graphs;
using static OnnxPriors.Gradients.Rules.Derivatives;

namespace OnnxPriors.Gradients.Rules;

/// <summary>Operators that give elements another place or repeat them: each element's gradient goes back to where it came from.</summary>
internal static class MovementGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["Reshape"] = Unary((b, x, y, dy) => b.ReshapeTo(dy, x.Shape, x)),
        ["Flatten"] = Unary((b, x, y, dy) => b.ReshapeTo(dy, x.Shape, x)),
        ["Squeeze"] = Unary((b, x, y, dy) => b.ReshapeTo(dy, x.Shape, x)),
        ["Unsqueeze"] = Unary((b, x, y, dy) => b.ReshapeTo(dy, x.Shape, x)),
        ["Expand"] = Unary((b, x, y, dy) => dy),
        ["Transpose"] = c => c.Give(0, () => c.B.Transpose(c.Dy(), Inverse(c.Attributes.Ints("perm"), c.X().Rank))),
        ["Concat"] = Concat,
        ["Split"] = c => c.Give(0, () => c.B.Concat(c.Node.Outputs.Select((_, i) => c.Dy(i)), c.Attributes.Int("axis"))),
        ["Tile"] = c => c.Give(0, () => Tile(c)),
        ["Trilu"] = c => c.Give(0, () => c.B.Apply("Trilu", [c.Dy(), c.Node.TryInput(1)], c.Attributes)),
        ["CumSum"] = c => c.Give(0, () => c.B.CumSum(c.Dy(), c.X(1), c.Attributes.Flag("exclusive"), !c.Attributes.Flag("reverse"))),
        // Cutting and padding about the centre are each other's transposes.
        ["CenterCropPad"] = c => c.Give(0, () =>
        {
            var axes = c.Attributes.Ints("axes") ?? [.. Enumerable.Range(0, c.X().Rank).Select(i => (long)i)];
            return c.B.Apply("CenterCropPad", [c.Dy(), c.B.Join(axes.Select(a => c.B.Extent(c.X(), c.X().Shape!.Axis(a))))], c.Attributes);
        }),
        ["ReverseSequence"] = c => c.Give(0, () => c.B.Apply("ReverseSequence", [c.Dy(), c.X(1)], c.Attributes)),
        ["DepthToSpace"] = c => c.Give(0, () => DepthToSpace(c)),
        ["SpaceToDepth"] = c => c.Give(0, () => c.B.Apply("DepthToSpace", [c.Dy()], Attributes.None.With("blocksize", c.Attributes.Int("blocksize")))),
    };

    private static long[] Inverse(long[]? permutation, int rank)
    {
        var inverse = new long[rank];
        for (var i = 0; i < rank; i++)
            inverse[permutation?[i] ?? rank - 1 - i] = i;
        return inverse;
    }

    private static void Concat(GradientCall c)
    {
        var axis = c.Y().Shape!.Axis(c.Attributes.Int("axis"));
        var start = c.B.Ints(0);
        for (var i = 0; i < c.Node.Inputs.Length; i++)
        {
            var end = start + c.B.Extent(c.X(i), axis);
            var (from, to) = (start, end);
            c.Give(i, () => c.B.Slice(c.Dy(), from, to, c.B.Ints(axis)));
            start = end;
        }
    }

    // [d₁, d₂, …] repeated is [r₁, d₁, r₂, d₂, …]: the sum over the repeats.
    private static Value Tile(GradientCall c)
    {
        var (b, x) = (c.B, c.X());
        var repeats = c.X(1);
        var pieces = new List<Value>();
        for (var i = 0; i < x.Rank; i++)
        {
            pieces.Add(repeats.Contents is { IsDefault: false } known && known[i].Value is { } number ? b.Ints(number) : b.Slice(repeats, 0, i, i + 1));
            pieces.Add(b.Extent(x, i));
        }
        return b.ReduceSum(b.Reshape(c.Dy(), b.Join(pieces)), [.. Enumerable.Range(0, x.Rank).Select(i => 2L * i)], keep: false);
    }

    // SpaceToDepth undoes the mode DCR; CRD keeps a channel's block together, so its axes are exchanged by hand.
    private static Value DepthToSpace(GradientCall c)
    {
        var (b, x, block) = (c.B, c.X(), c.Attributes.Int("blocksize"));
        if (c.Attributes.String("mode", "DCR") == "DCR")
            return b.Apply("SpaceToDepth", [c.Dy()], Attributes.None.With("blocksize", block));
        var split = b.Join(b.Extent(x, 0), b.Extent(c.Dy(), 1), b.Extent(x, 2), b.Ints(block), b.Extent(x, 3), b.Ints(block));
        return b.ReshapeTo(b.Transpose(b.Reshape(c.Dy(), split), 0, 1, 3, 5, 2, 4), x.Shape, x);
    }
}
