using System.Collections.Immutable;

namespace OnnxPriors.Graphs.Folding;

/// <summary>Functions of literals beyond arithmetic: what follows from a bound input on its way to a shape, a mask or a table. Computed in float64.</summary>
internal static class FunctionFolding
{
    public static IReadOnlyDictionary<string, Func<FoldedCall, TensorData?>> Rules { get; } = new Dictionary<string, Func<FoldedCall, TensorData?>>(StringComparer.Ordinal)
    {
        ["Sin"] = c => Each(c, Math.Sin),
        ["Cos"] = c => Each(c, Math.Cos),
        ["Tan"] = c => Each(c, Math.Tan),
        ["Asin"] = c => Each(c, Math.Asin),
        ["Acos"] = c => Each(c, Math.Acos),
        ["Atan"] = c => Each(c, Math.Atan),
        ["Sinh"] = c => Each(c, Math.Sinh),
        ["Cosh"] = c => Each(c, Math.Cosh),
        ["Tanh"] = c => Each(c, Math.Tanh),
        ["Sigmoid"] = c => Each(c, x => 1 / (1 + Math.Exp(-x))),
        ["Relu"] = c => Each(c, x => x < 0 ? 0 : x),
        ["IsNaN"] = c => Each(c, x => double.IsNaN(x) ? 1 : 0),
        ["ReduceMean"] = c => Mean(c),
        ["CumSum"] = CumSum,
        ["Trilu"] = Trilu,
        ["NonZero"] = NonZero,
    };

    /// <summary>Whether the extents of an operator's result follow from the elements alone.</summary>
    public static bool FindsItsShape(string op) => op == "NonZero";

    /// <summary>The parts of a literal that a Split cuts; null where their lengths are not all known.</summary>
    public static ImmutableArray<TensorData>? Split(TensorData x, long axisAttribute, IReadOnlyList<long?> lengths)
    {
        var axis = x.Shape.Axis(axisAttribute);
        if (lengths.Any(l => l is null or < 0) || lengths.Sum(l => l!.Value) != x.Dimensions[axis])
            return null;
        var outer = x.Dimensions.Take(axis).Aggregate(1L, (p, d) => p * d);
        var row = x.Length / Math.Max(1, outer);
        var parts = ImmutableArray.CreateBuilder<TensorData>(lengths.Count);
        var start = 0L;
        foreach (var length in lengths)
        {
            var inner = x.Dimensions[axis] == 0 ? 0 : row / x.Dimensions[axis] * length!.Value;
            var bytes = new byte[outer * inner];
            for (var i = 0L; i < outer; i++)
                x.Bytes.Span.Slice((int)(i * row + start), (int)inner).CopyTo(bytes.AsSpan((int)(i * inner)));
            parts.Add(new(x.Type, x.Dimensions.SetItem(axis, length!.Value), bytes));
            start += inner;
        }
        return parts.MoveToImmutable();
    }

    private static TensorData? Each(FoldedCall c, Func<double, double> function) => !c.Input(0).Type.IsFloating() ? null
        : TensorData.Of(Array.ConvertAll(c.Input(0).ToDouble(), v => function(v)), c.Dimensions).ConvertTo(c.Type);

    private static TensorData? Mean(FoldedCall c)
    {
        var x = c.Input(0);
        if (!x.Type.IsFloating() || x.Count == 0 || c.Count == 0)
            return null;
        var sum = MovementFolding.Rules["ReduceSum"](c with { Type = ElementType.Double });
        return sum is null ? null : TensorData.Of(Array.ConvertAll(sum.ToDouble(), v => v * c.Count / x.Count), c.Dimensions).ConvertTo(c.Type);
    }

    private static TensorData CumSum(FoldedCall c)
    {
        var x = c.Input(0);
        var axis = x.Shape.Axis(c.Input(1).ToInt64()[0]);
        var (extent, step) = ((int)x.Dimensions[axis], (int)x.Dimensions.Skip(axis + 1).Aggregate(1L, (p, d) => p * d));
        var (exclusive, backwards) = (c.Attributes.Flag("exclusive"), c.Attributes.Flag("reverse"));
        return x.Type.IsFloating()
            ? TensorData.Of(Run(x.ToDouble()), c.Dimensions).ConvertTo(c.Type)
            : TensorData.Of(Run(x.ToInt64()), c.Dimensions).ConvertTo(c.Type);

        T[] Run<T>(T[] values) where T : System.Numerics.INumber<T>
        {
            var result = new T[values.Length];
            for (var first = 0; first < values.Length; first++)
            {
                if (first / step % extent != 0)
                    continue;
                var sum = T.Zero;
                for (var i = 0; i < extent; i++)
                {
                    var at = first + (backwards ? extent - 1 - i : i) * step;
                    result[at] = exclusive ? sum : sum + values[at];
                    sum += values[at];
                }
            }
            return result;
        }
    }

    private static TensorData? Trilu(FoldedCall c)
    {
        var x = c.Input(0);
        if (x.Dimensions.Length < 2 || x.Count == 0)
            return null;
        var diagonal = c.Inputs.Length > 1 && c.Inputs[1] is { } k ? k.ToInt64()[0] : 0;
        var upper = c.Attributes.Flag("upper", true);
        var (rows, columns, size) = (x.Dimensions[^2], x.Dimensions[^1], x.Type.Size());
        var bytes = new byte[x.Length];
        for (var i = 0L; i < x.Count; i++)
        {
            var (row, column) = (i / columns % rows, i % columns);
            if (upper ? column - row >= diagonal : column - row <= diagonal)
                x.Bytes.Span.Slice((int)(i * size), size).CopyTo(bytes.AsSpan((int)(i * size)));
        }
        return new(x.Type, x.Dimensions, bytes);
    }

    // [rank, count]: for each axis the places of what is not zero, row by row.
    private static TensorData? NonZero(FoldedCall c)
    {
        var x = c.Input(0);
        if (x.Dimensions.Length == 0)
            return null;
        var values = x.ToDouble();
        int[] found = [.. Enumerable.Range(0, values.Length).Where(i => values[i] != 0)];
        var places = new long[x.Dimensions.Length * found.Length];
        var step = 1L;
        for (var axis = x.Dimensions.Length - 1; axis >= 0; axis--)
        {
            for (var i = 0; i < found.Length; i++)
                places[axis * found.Length + i] = found[i] / step % x.Dimensions[axis];
            step *= x.Dimensions[axis];
        }
        return TensorData.Of(places, x.Dimensions.Length, found.Length);
    }
}
