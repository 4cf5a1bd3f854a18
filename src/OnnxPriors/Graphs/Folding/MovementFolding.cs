using OnnxPriors.Graphs.Inference;

namespace OnnxPriors.Graphs.Folding;

/// <summary>Rearranging literals: whole elements are copied, whatever their type.</summary>
internal static class MovementFolding
{
    public static IReadOnlyDictionary<string, Func<FoldedCall, TensorData?>> Rules { get; } = new Dictionary<string, Func<FoldedCall, TensorData?>>(StringComparer.Ordinal)
    {
        ["Reshape"] = SameBytes,
        ["Flatten"] = SameBytes,
        ["Squeeze"] = SameBytes,
        ["Unsqueeze"] = SameBytes,
        ["Transpose"] = Transpose,
        ["Concat"] = Concat,
        ["Slice"] = Slice,
        ["Gather"] = Gather,
        ["Expand"] = c => Copy(c, c.Input(0), ElementwiseFolding.Spread(c.Input(0), c.Dimensions)),
        ["Tile"] = Tile,
        ["ConstantOfShape"] = ConstantOfShape,
        ["Range"] = Range,
        ["Shape"] = c => TensorData.Vector([.. c.Input(0).Dimensions]),
        ["Size"] = c => TensorData.Of([c.Input(0).Count], []),
        ["ReduceProd"] = c => Reduce(c, (a, b) => a * b, 1),
        ["ReduceSum"] = c => Reduce(c, (a, b) => a + b, 0),
        ["ReduceMax"] = c => c.Input(0).Count == 0 ? null : Reduce(c, Math.Max, double.NegativeInfinity),
        ["ReduceMin"] = c => c.Input(0).Count == 0 ? null : Reduce(c, Math.Min, double.PositiveInfinity),
    };

    private static TensorData SameBytes(FoldedCall c) => new(c.Type, c.Dimensions, c.Input(0).Bytes);

    private static TensorData Copy(FoldedCall c, TensorData source, int[] places)
    {
        var size = c.Type.Size();
        var bytes = new byte[places.Length * size];
        for (var i = 0; i < places.Length; i++)
            source.Bytes.Span.Slice(places[i] * size, size).CopyTo(bytes.AsSpan(i * size));
        return new(c.Type, c.Dimensions, bytes);
    }

    private static long[] Steps(TensorData tensor)
    {
        var steps = new long[tensor.Dimensions.Length];
        for (long i = steps.Length - 1, step = 1; i >= 0; i--)
        {
            steps[i] = step;
            step *= tensor.Dimensions[(int)i];
        }
        return steps;
    }

    private static TensorData Transpose(FoldedCall c)
    {
        var x = c.Input(0);
        var steps = Steps(x);
        var permutation = c.Attributes.Ints("perm") ?? [.. Enumerable.Range(0, steps.Length).Reverse().Select(i => (long)i)];
        return Copy(c, x, ElementwiseFolding.Walk(c.Dimensions, Array.ConvertAll(permutation, p => steps[p]), 0));
    }

    private static TensorData Concat(FoldedCall c)
    {
        var axis = c.Input(0).Shape.Axis(c.Attributes.Int("axis"));
        var outer = c.Dimensions.Take(axis).Aggregate(1L, (product, d) => product * d);
        var bytes = new byte[c.Count * c.Type.Size()];
        var at = 0;
        for (var i = 0L; i < outer; i++)
            foreach (var input in c.Inputs)
            {
                var length = (int)(input!.Bytes.Length / outer);
                input.Bytes.Span.Slice((int)(i * length), length).CopyTo(bytes.AsSpan(at));
                at += length;
            }
        return new(c.Type, c.Dimensions, bytes);
    }

    private static TensorData? Slice(FoldedCall c)
    {
        var x = c.Input(0);
        var (starts, ends) = (c.Input(1).ToInt64(), c.Input(2).ToInt64());
        var axes = c.Inputs.Length > 3 && c.Inputs[3] is { } a ? a.ToInt64() : [.. Enumerable.Range(0, starts.Length).Select(i => (long)i)];
        var steps = c.Inputs.Length > 4 && c.Inputs[4] is { } s ? s.ToInt64() : [.. starts.Select(_ => 1L)];
        var walk = Steps(x);
        var offset = 0L;
        for (var i = 0; i < axes.Length; i++)
        {
            var axis = x.Shape.Axis(axes[i]);
            offset += MovementShapes.SliceBounds(x.Dimensions[axis], starts[i], ends[i], steps[i]).First * walk[axis];
            walk[axis] *= steps[i];
        }
        return Copy(c, x, ElementwiseFolding.Walk(c.Dimensions, walk, offset));
    }

    private static TensorData Gather(FoldedCall c)
    {
        var x = c.Input(0);
        var axis = x.Shape.Axis(c.Attributes.Int("axis"));
        var extent = x.Dimensions[axis];
        var indices = Array.ConvertAll(c.Input(1).ToInt64(), i => i < 0 ? i + extent : i);
        if (indices.Any(i => i < 0 || i >= extent))
            throw new GraphException($"A Gather of constants reads outside its axis of {extent}.");
        var inner = x.Dimensions.Skip(axis + 1).Aggregate(1L, (product, d) => product * d);
        var outer = x.Dimensions.Take(axis).Aggregate(1L, (product, d) => product * d);
        var places = new int[c.Count];
        var at = 0;
        for (var o = 0L; o < outer; o++)
            foreach (var index in indices)
                for (var i = 0L; i < inner; i++)
                    places[at++] = checked((int)((o * extent + index) * inner + i));
        return Copy(c, x, places);
    }

    private static TensorData Tile(FoldedCall c)
    {
        var x = c.Input(0);
        var steps = Steps(x);
        var places = new int[c.Count];
        var index = new long[c.Dimensions.Length];
        for (var i = 0; i < places.Length; i++)
        {
            long place = 0;
            for (var axis = 0; axis < index.Length; axis++)
                place += index[axis] % x.Dimensions[axis] * steps[axis];
            places[i] = (int)place;
            for (var axis = index.Length - 1; axis >= 0 && ++index[axis] == c.Dimensions[axis]; axis--)
                index[axis] = 0;
        }
        return Copy(c, x, places);
    }

    private static TensorData ConstantOfShape(FoldedCall c)
    {
        var value = c.Attributes.Tensor("value") ?? TensorData.Of([0f], []);
        return Copy(c, value, new int[c.Count]);
    }

    private static TensorData Range(FoldedCall c)
    {
        if (c.Type.IsInteger())
        {
            var (first, step) = (c.Input(0).ToInt64()[0], c.Input(2).ToInt64()[0]);
            return TensorData.Of([.. Enumerable.Range(0, (int)c.Count).Select(i => first + i * step)], c.Dimensions).ConvertTo(c.Type);
        }
        var (start, delta) = (c.Input(0).ToDouble()[0], c.Input(2).ToDouble()[0]);
        return TensorData.Of([.. Enumerable.Range(0, (int)c.Count).Select(i => start + i * delta)], c.Dimensions).ConvertTo(c.Type);
    }

    private static TensorData Reduce(FoldedCall c, Func<double, double, double> combine, double seed)
    {
        var x = c.Input(0);
        var axes = c.Inputs.Length > 1 && c.Inputs[1] is { Count: > 0 } a ? a.ToInt64().Select(x.Shape.Axis).ToHashSet() : [.. Enumerable.Range(0, x.Dimensions.Length)];
        var keptSteps = new long[x.Dimensions.Length];
        for (long i = keptSteps.Length - 1, step = 1; i >= 0; i--)
        {
            keptSteps[i] = axes.Contains((int)i) ? 0 : step;
            if (!axes.Contains((int)i))
                step *= x.Dimensions[(int)i];
        }
        var values = x.ToDouble();
        var result = new double[c.Count];
        Array.Fill(result, seed);
        var places = ElementwiseFolding.Walk(x.Dimensions, keptSteps, 0);
        for (var i = 0; i < places.Length; i++)
            result[places[i]] = combine(result[places[i]], values[i]);
        return TensorData.Of(result, c.Dimensions).ConvertTo(c.Type);
    }
}
