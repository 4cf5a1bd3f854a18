using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Reductions over axes. Axes come as an input (opset 18) or, for older forms, as an attribute; none means all.</summary>
internal static class Reductions
{
    public static OperatorTable Table { get; } = new()
    {
        { "ReduceSum", Over((x, axes) => x.sum(axes, keepdim: true)) },
        { "ReduceMean", Over(Mean) },
        { "ReduceMax", Over((x, axes) => Extreme(x, axes, largest: true)) },
        { "ReduceMin", Over((x, axes) => Extreme(x, axes, largest: false)) },
        { "ReduceProd", Over(Product) },
        { "ReduceL1", Over((x, axes) => x.abs().sum(axes, keepdim: true)) },
        // A norm of libtorch's, whose derivative at zero is zero; that of a root is infinite.
        { "ReduceL2", Over((x, axes) => InFloat(x, y => linalg.vector_norm(y, 2, axes, keepdim: true))) },
        { "ReduceSumSquare", Over((x, axes) => x.square().sum(axes, keepdim: true)) },
        { "ReduceLogSum", Over((x, axes) => InFloat(x, y => y.sum(axes, keepdim: true).log())) },
        { "ReduceLogSumExp", Over((x, axes) => InFloat(x, y => LogSumExp(y, axes))) },
        { "ArgMax", c => ArgExtreme(c, largest: true) },
        { "ArgMin", c => ArgExtreme(c, largest: false) },
        { "CumSum", CumulativeSum },
    };

    /// <summary>A reduction by a rule that keeps the axes it reduces, each of extent 1.</summary>
    private static Func<Call, Tensor> Over(Func<Tensor, long[], Tensor> rule) => call =>
    {
        var x = call[0];
        long[] named = call.OptionalIntegers(1) ?? call.Attributes.Ints("axes") ?? [];
        if (named.Length == 0 && call.Attributes.Flag("noop_with_empty_axes")) return x;
        int rank = (int)x.dim();
        long[] axes = named.Length == 0
            ? [.. Enumerable.Range(0, rank).Select(a => (long)a)]
            : [.. named.Select(a => (long)call.Axis(a, rank)).Distinct().Order()];
        // A scalar has no axis to reduce; as a vector of one element every rule does what it should.
        var kept = rank == 0 ? rule(x.reshape(1), [0]).reshape() : rule(x, axes);
        if (kept.dtype != x.dtype) kept = kept.to(x.dtype);
        if (call.Attributes.Flag("keepdims", true) || rank == 0) return kept;
        return kept.reshape([.. x.shape.Where((_, a) => !axes.Contains(a))]);
    };

    private static Tensor InFloat(Tensor x, Func<Tensor, Tensor> rule) =>
        x.is_floating_point() ? rule(x) : rule(x.to(ScalarType.Float64));

    private static Tensor Mean(Tensor x, long[] axes) => x.is_floating_point()
        ? x.mean(axes, keepdim: true)
        : x.sum(axes, keepdim: true).div(axes.Aggregate(1L, (n, a) => n * x.shape[a]), RoundingMode.trunc);

    private static Tensor Extreme(Tensor x, long[] axes, bool largest)
    {
        if (axes.Any(a => x.shape[a] == 0))
        {
            // The extreme of nothing: the neutral element.
            long[] shape = [.. x.shape.Select((d, a) => axes.Contains(a) ? 1 : d)];
            return full(shape, largest ? double.NegativeInfinity : double.PositiveInfinity, x.dtype, x.device);
        }
        return largest ? x.amax(axes, keepdim: true) : x.amin(axes, keepdim: true);
    }

    private static Tensor Product(Tensor x, long[] axes) => axes.Aggregate(x, (y, axis) => y.prod(axis, keepdim: true));

    private static Tensor LogSumExp(Tensor x, long[] axes)
    {
        var highest = Extreme(x.detach(), axes, largest: true);
        highest = where(highest.isfinite(), highest, zeros_like(highest));
        return (x - highest).exp().sum(axes, keepdim: true).log() + highest;
    }

    private static Tensor ArgExtreme(Call call, bool largest)
    {
        var x = call[0].detach();
        int axis = call.Axis(x.dim(), 0, "axis");
        bool keep = call.Attributes.Flag("keepdims", true);
        if (x.dim() == 0) return zeros([], ScalarType.Int64, device: x.device);
        bool last = call.Attributes.Flag("select_last_index");
        var searched = last ? x.flip(axis) : x;
        var index = largest ? searched.argmax(axis, keep) : searched.argmin(axis, keep);
        return last ? x.shape[axis] - 1 - index : index;
    }

    private static Tensor CumulativeSum(Call call)
    {
        var x = call[0];
        int axis = call.Axis(call.Integer(1), x.dim());
        bool reverse = call.Attributes.Flag("reverse");
        var source = reverse ? x.flip(axis) : x;
        var sum = source.cumsum(axis).to(x.dtype);
        if (call.Attributes.Flag("exclusive") && x.shape[axis] > 0)
            sum = cat([zeros_like(sum.narrow(axis, 0, 1)), sum.narrow(axis, 0, x.shape[axis] - 1)], axis);
        return reverse ? sum.flip(axis) : sum;
    }
}
