using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Operators that read or write at indices. Negative indices count from the end.</summary>
internal static class Indexing
{
    public static OperatorTable Table { get; } = new()
    {
        { "Gather", Gather },
        { "GatherElements", GatherElements },
        { "GatherND", GatherAtTuples },
        { "Scatter", ScatterElements },
        { "ScatterElements", ScatterElements },
        { "ScatterND", ScatterAtTuples },
        { "Compress", Compress },
        { "NonZero", c => c[0].dim() == 0 ? zeros([0, c[0].count_nonzero().item<long>()], ScalarType.Int64, c.Engine.Device) : c[0].nonzero().t() },
        { "OneHot", OneHot },
    };

    /// <summary>Indices with negative ones counted from the end of an axis.</summary>
    private static Tensor Wrapped(Tensor indices, long extent)
    {
        var whole = indices.to(ScalarType.Int64);
        return where(whole < 0, whole + extent, whole);
    }

    private static Tensor Gather(Call call)
    {
        var x = call[0];
        int axis = call.Axis(x.dim(), 0, "axis");
        var indices = Wrapped(call[1], x.shape[axis]);
        long[] shape = [.. x.shape[..axis], .. indices.shape, .. x.shape[(axis + 1)..]];
        return x.index_select(axis, indices.reshape(-1)).reshape(shape);
    }

    private static Tensor GatherElements(Call call)
    {
        var x = call[0];
        int axis = call.Axis(x.dim(), 0, "axis");
        return x.gather(axis, Wrapped(call[1], x.shape[axis]));
    }

    /// <summary>The flat position of index tuples [..., k] among the first k of some axes, after the batch axes.</summary>
    private static Tensor FlatPositions(Tensor tuples, long[] extents)
    {
        var position = zeros(tuples.shape[..^1], ScalarType.Int64, tuples.device);
        for (var i = 0; i < extents.Length; i++)
            position = position * extents[i] + Wrapped(tuples.select(-1, i), extents[i]);
        return position;
    }

    private static Tensor GatherAtTuples(Call call)
    {
        var (x, tuples) = (call[0], call[1]);
        int batch = (int)call.Attributes.Int("batch_dims"), depth = (int)tuples.shape[^1];
        long groups = x.shape[..batch].Aggregate(1L, (n, d) => n * d);
        long[] indexed = x.shape[batch..(batch + depth)], slice = x.shape[(batch + depth)..];
        long cells = indexed.Aggregate(1L, (n, d) => n * d);
        var position = FlatPositions(tuples, indexed).reshape(groups, -1)
            + arange(groups, ScalarType.Int64, x.device).unsqueeze(1) * cells;
        long[] rows = [groups * cells, .. slice], shape = [.. tuples.shape[..^1], .. slice];
        return x.reshape(rows).index_select(0, position.reshape(-1)).reshape(shape);
    }

    private static Tensor ScatterElements(Call call)
    {
        var x = call[0];
        int axis = call.Axis(x.dim(), 0, "axis");
        var indices = Wrapped(call[1], x.shape[axis]);
        // The flat position of every update: its own coordinates, with the index in place of the axis's.
        var position = zeros(indices.shape, ScalarType.Int64, x.device);
        for (var a = 0; a < x.dim(); a++)
        {
            long[] along = [.. Enumerable.Range(0, (int)x.dim()).Select(i => i == a ? -1L : 1L)];
            var here = a == axis ? indices : arange(indices.shape[a], ScalarType.Int64, x.device).reshape(along);
            position = position * x.shape[a] + here;
        }
        return Combine(x.reshape(-1), position.reshape(-1), call[2].reshape(-1), call).reshape(x.shape);
    }

    private static Tensor ScatterAtTuples(Call call)
    {
        var (x, tuples) = (call[0], call[1]);
        int depth = (int)tuples.shape[^1];
        long[] slice = x.shape[depth..];
        long width = slice.Aggregate(1L, (n, d) => n * d);
        var rows = FlatPositions(tuples, x.shape[..depth]).reshape(-1, 1);
        var position = rows * width + arange(width, ScalarType.Int64, x.device);
        return Combine(x.reshape(-1), position.reshape(-1), call[2].reshape(-1), call).reshape(x.shape);
    }

    /// <summary>Writes updates [m] into a vector [n] at positions [m], by the rule that the node names.</summary>
    private static Tensor Combine(Tensor x, Tensor position, Tensor updates, Call call) => call.Attributes.String("reduction", "none") switch
    {
        "none" => x.scatter(0, position, updates),
        "add" => x.index_add(0, position, updates, 1),
        "mul" => Grouped(x, position, updates, (a, b) => a * b),
        "max" => Grouped(x, position, updates, (a, b) => a.maximum(b)),
        "min" => Grouped(x, position, updates, (a, b) => a.minimum(b)),
        var other => throw call.Unsupported($"the reduction '{other}'"),
    };

    // Updates of one place follow each other after a stable sort; in the n-th round each place takes its n-th update.
    private static Tensor Grouped(Tensor x, Tensor position, Tensor updates, Func<Tensor, Tensor, Tensor> combine)
    {
        if (updates.numel() == 0) return x;
        var (places, order) = position.sort(0, descending: false, stable: true);
        var sorted = updates.index_select(0, order);
        var ordinal = arange(places.numel(), ScalarType.Int64, x.device);
        var starts = cat([ones([1], ScalarType.Bool, x.device), places.narrow(0, 1, places.numel() - 1) != places.narrow(0, 0, places.numel() - 1)]);
        var round = ordinal - where(starts, ordinal, zeros_like(ordinal)).cummax(0).values;
        long rounds = round.max().item<long>() + 1;
        for (long n = 0; n < rounds; n++)
        {
            var chosen = (round == n).nonzero().reshape(-1);
            var target = places.index_select(0, chosen);
            x = x.scatter(0, target, combine(x.index_select(0, target), sorted.index_select(0, chosen)));
        }
        return x;
    }

    private static Tensor Compress(Call call)
    {
        bool flat = !call.Attributes.Has("axis");
        var x = flat ? call[0].reshape(-1) : call[0];
        int axis = flat ? 0 : call.Axis(x.dim(), 0, "axis");
        return x.index_select(axis, call[1].to(ScalarType.Bool).nonzero().reshape(-1));
    }

    private static Tensor OneHot(Call call)
    {
        long depth = (long)call.Reals(1)[0];
        var indices = Wrapped(call[0], depth);
        int axis = call.Axis(indices.dim() + 1, -1, "axis");
        var hot = indices.unsqueeze(axis);
        long[] along = [.. Enumerable.Range(0, (int)hot.dim()).Select(a => a == axis ? depth : 1)];
        var classes = arange(depth, ScalarType.Int64, indices.device).reshape(along);
        var values = call[2];
        return where(hot == classes, values.select(0, 1), values.select(0, 0));
    }
}
