using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization;

/// <summary>
/// The float side of a quantised graph while it is rewritten: for each integer value of the source the real numbers it stands for and
/// how. Nodes that only move elements pass them on; any other sees the integers themselves as unrounded floats.
/// </summary>
internal sealed class QuantisedFloats
{
    private readonly GraphRewriter rewriter;
    private readonly GraphBuilder b;
    private readonly ILookup<Value, Node> readers;
    private readonly Dictionary<Value, Number> numbers = [];
    private readonly Dictionary<Value, (QuantisationGrid Grid, Value Real)> weights = [];
    private readonly Dictionary<Node, Value> finished = [];

    public QuantisedFloats(Graph source, GraphRewriter rewriter)
    {
        this.rewriter = rewriter;
        b = rewriter.Builder;
        readers = source.Nodes.SelectMany(n => n.Inputs.OfType<Value>().Distinct().Select(i => (Value: i, Node: n))).ToLookup(p => p.Value, p => p.Node);
    }

    /// <summary>The number of quantised weights that became float.</summary>
    public int Weights => weights.Count;

    /// <summary>The real numbers that an integer value of the source stands for, where it is quantised.</summary>
    public Value? TryReal(Value value) => numbers.TryGetValue(value, out var number) ? number.Real : null;

    /// <summary>Adds what a node of the source becomes; false where it stays as it is.</summary>
    public bool Replace(Node node)
    {
        if (finished.TryGetValue(node, out var result))
        {
            rewriter.Map[node.Outputs[0]!] = result;
            return true;
        }
        switch (node.Op)
        {
            case "QuantizeLinear":
                Set(node, Quantise(rewriter[node.Input(0)], GridOf(node, 1, 2, node.Outputs[0]!.Type)));
                return true;
            case "DequantizeLinear":
                rewriter.Map[node.Outputs[0]!] = Real(node.Input(0), GridOf(node, 1, 2, node.Input(0).Type), node.Input(1), node.TryInput(2));
                return true;
            case "DynamicQuantizeLinear":
                QuantiseDynamically(node);
                return true;
            case "QLinearConv":
                Convolve(node);
                return true;
            case "QLinearMatMul":
                var product = b.MatMul(Real(node, 0), Real(node, 3));
                Set(node, Quantise(product, GridOf(node, 6, 7, node.Outputs[0]!.Type)));
                return true;
            case "MatMulInteger" or "ConvInteger":
                if (!Rescaled(node))
                    Set(node, new(Combine(node, Centred(node, 0, 2), Centred(node, 1, 3)), QuantisationGrid.Unit));
                return true;
            default:
                return node.Inputs.Any(i => i is not null && numbers.ContainsKey(i)) && PassOn(node);
        }
    }

    /// <summary>What an integer value stands for.</summary>
    /// <param name="Real">The real numbers.</param>
    /// <param name="Grid">How the integers stand for them; null where scale and zero are computed.</param>
    /// <param name="Scale">A computed scale.</param>
    /// <param name="Zero">A computed zero point, as a value of the source.</param>
    private sealed record Number(Value Real, QuantisationGrid? Grid, Value? Scale = null, Value? Zero = null);

    private void Set(Node node, Number number) => numbers[node.Outputs[0]!] = number;

    private static QuantisationGrid? GridOf(Node node, int scale, int zero, ElementType type, long? axis = null) =>
        GraphBuilder.TryEvaluate(node.Input(scale)) is not { } s ? null
        : node.TryInput(zero) is not { } given ? new(type, s, null, axis ?? node.Attributes.Int("axis", 1))
        : GraphBuilder.TryEvaluate(given) is { } z ? new(type, s, z, axis ?? node.Attributes.Int("axis", 1)) : null;

    private Number Quantise(Value x, QuantisationGrid? grid)
    {
        // A computed scale that follows the numbers leaves none outside.
        if (grid is null)
            return new(x, null);
        var (low, high) = grid.Bounds(x.Shape?.Rank ?? 1);
        var (least, most) = (Constant(low, x.Type), Constant(high, x.Type));
        return new(grid.IsWhole ? b.Clip(x, least, most) : b.Min(b.Max(x, least), most), grid);
    }

    private Value Real(Node node, int input) =>
        Real(node.Input(input), GridOf(node, input + 1, input + 2, node.Input(input).Type, AxisOf(node, input)), node.Input(input + 1), node.TryInput(input + 2));

    // Kernels have a scale for each output channel; of matrices the left one has one for each row and the right one for each column.
    private static long AxisOf(Node node, int input) => node.Op == "QLinearConv" ? 0 : input == 0 ? -2 : -1;

    private Value Real(Value integers, QuantisationGrid? grid, Value scale, Value? zero)
    {
        if (numbers.TryGetValue(integers, out var number) && (grid is null ? number.Grid is null : number.Grid is not null && number.Grid.Agrees(grid)))
            return number.Real;
        if (grid is not null && number is null && integers.Data is { } data)
            return Weight(integers, grid, grid.Real(data));
        var centred = Integers(integers);
        var rank = integers.Shape?.Rank ?? 1;
        if (grid is null)
            return (zero is null ? centred : centred - Integers(zero)) * rewriter[scale];
        if (grid.Zero is { } point)
            centred -= Constant(grid.Spread(point, rank));
        return centred * Constant(grid.Spread(grid.Scale, rank));
    }

    // The integers of a value as floats that nobody has rounded.
    private Value Integers(Value value)
    {
        if (!numbers.TryGetValue(value, out var number))
            return value.Data is { } data ? Constant(data.ConvertTo(ElementType.Float)) : b.Cast(rewriter[value], ElementType.Float);
        if (number.Grid is not { } grid)
            return number.Scale is { } scale ? number.Real / scale + Integers(number.Zero!) : number.Real;
        var rank = value.Shape?.Rank ?? 1;
        var integers = number.Real / Constant(grid.Spread(grid.Scale, rank));
        return grid.Zero is { } zero ? integers + Constant(grid.Spread(zero, rank)) : integers;
    }

    private Value Weight(Value integers, QuantisationGrid grid, TensorData real)
    {
        const string suffix = "_quantized";
        if (weights.TryGetValue(integers, out var known) && known.Grid.Agrees(grid))
            return known.Real;
        var name = integers.Name.EndsWith(suffix, StringComparison.Ordinal) ? integers.Name[..^suffix.Length] : integers.Name;
        var weight = b.Parameter(name, real);
        weights[integers] = (grid, weight);
        return weight;
    }

    private Value Constant(TensorData data, ElementType type = ElementType.Float) => b.Constant(data.ConvertTo(type));

    private void QuantiseDynamically(Node node)
    {
        var x = rewriter[node.Input(0)];
        var none = b.Scalar(0, x.Type);
        var low = b.Min(b.Apply("ReduceMin", [x], Attributes.None.With("keepdims", false)), none);
        var scale = (b.Max(b.Apply("ReduceMax", [x], Attributes.None.With("keepdims", false)), none) - low) / 255;
        numbers[node.Outputs[0]!] = new(x, null, scale, node.Outputs.Length > 2 ? node.Outputs[2] : null);
        if (node.Outputs.Length > 1 && node.Outputs[1] is { } given)
            rewriter.Map[given] = scale;
        if (node.Outputs.Length > 2 && node.Outputs[2] is { } zero)
            numbers[zero] = new(b.Clip(b.Round(-low / scale), none, b.Scalar(255, x.Type)), QuantisationGrid.Unit);
    }

    private void Convolve(Node node)
    {
        List<Value> inputs = [Real(node, 0), Real(node, 3)];
        if (node.TryInput(8) is { } bias)
        {
            // A bias counts in products of the two scales, one for each output channel.
            var (x, w) = (GraphBuilder.TryEvaluate(node.Input(1)), GraphBuilder.TryEvaluate(node.Input(4)));
            inputs.Add(x is not null && w is not null && bias.Data is { } data
                ? Weight(bias, Products(x, w), Products(x, w).Real(data))
                : Integers(bias) * (rewriter[node.Input(1)] * rewriter[node.Input(4)]));
        }
        Set(node, Quantise(b.Apply("Conv", [.. inputs], node.Attributes), GridOf(node, 6, 7, node.Outputs[0]!.Type)));

        static QuantisationGrid Products(TensorData x, TensorData w) =>
            new(ElementType.Int32, TensorData.Of([.. w.ToDouble().Select(s => (float)(s * x.ToDouble()[0]))], w.Count), null, 0);
    }

    // Integers less their zero point.
    private Value Centred(Node node, int input, int zero)
    {
        var integers = node.Input(input);
        var point = node.TryInput(zero);
        if (numbers.TryGetValue(integers, out var number) && number is { Grid: null, Scale: { } scale } && number.Zero == point)
            return number.Real / scale;
        if (integers.Data is not null && (point is null || point.Data is not null))
        {
            var grid = new QuantisationGrid(integers.Type, QuantisationGrid.Unit.Scale, point?.Data);
            if (point is null || point.Data!.Count == 1)
                return Weight(integers, grid, grid.Real(integers.Data));
        }
        if (point is null)
            return Integers(integers);
        var shift = Integers(point);
        // The left matrix has one for each row, the kernel one for each output channel.
        if (point.Shape is { Rank: 1 } shape && shape[0].Value != 1)
            shift = node.Op == "ConvInteger" ? b.Reshape(shift, [-1, .. Enumerable.Repeat(1L, integers.Rank - 1)]) : input == 0 ? b.Unsqueeze(shift, 1) : shift;
        return Integers(integers) - shift;
    }

    private Value Combine(Node node, Value left, Value right) =>
        node.Op == "MatMulInteger" ? b.MatMul(left, right) : b.Conv(left, right, null, node.Attributes);

    /// <summary>
    /// The product of what was quantised as it came with constant weights, whose result is multiplied by both scales next: the product of
    /// the numbers themselves with weights in their own measure.
    /// </summary>
    private bool Rescaled(Node node)
    {
        var point = node.TryInput(3)?.Data;
        if (!numbers.TryGetValue(node.Input(0), out var left) || left.Scale is null || left.Zero != node.TryInput(2)
            || node.Input(1).Data is not { } integers || (node.TryInput(3) is not null && point is null)
            || Only(node.Outputs[0]!) is not { Op: "Cast" } cast || Only(cast.Outputs[0]!) is not { Op: "Mul" } last)
            return false;
        var factor = last.Input(0) == cast.Outputs[0] ? last.Input(1) : last.Input(0);
        if (factor.Producer is not { Op: "Mul" } both || node.Input(0).Producer is not { } quantise)
            return false;
        var own = quantise.Outputs.Length > 1 ? quantise.Outputs[1] : null;
        var other = both.Input(0) == own ? both.Input(1) : both.Input(1) == own ? both.Input(0) : null;
        if (other is null || GraphBuilder.TryEvaluate(other) is not { } scale)
            return false;
        var isMatrix = node.Op == "MatMulInteger";
        var axis = isMatrix ? integers.Dimensions.Length - 1 : 0;
        if (scale.Count != 1 && scale.Count != integers.Dimensions[axis])
            return false;
        // A zero point for each column goes with a scale for each.
        if (point is { Count: > 1 } && scale.Count == 1)
            return false;
        var grid = new QuantisationGrid(node.Input(1).Type, scale, point, axis);
        var y = Combine(node, left.Real, Weight(node.Input(1), grid, grid.Real(integers)));
        finished[last] = y;
        finished[cast] = y;
        return true;
    }

    private Node? Only(Value value) => readers[value].ToList() is [var one] ? one : null;

    private bool PassOn(Node node)
    {
        var first = node.TryInput(0) is { } x && numbers.TryGetValue(x, out var number) ? number : null;
        switch (node.Op)
        {
            case "Reshape" or "Transpose" or "Flatten" or "Squeeze" or "Unsqueeze" or "Slice" or "Gather" or "Expand" or "Tile" or "Split" or "MaxPool" or "Identity"
                when first is not null && first.Grid is not { IsWhole: false } && !(node.Op == "MaxPool" && node.Outputs.Length > 1):
                var moved = b.Emit(node.Op, [first.Real, .. node.Inputs.Skip(1).Select(i => i is null ? null : rewriter[i])], node.Attributes, node.Outputs.Length);
                for (var i = 0; i < moved.Length; i++)
                    if (node.Outputs[i] is { } output)
                        numbers[output] = first with { Real = moved[i] };
                return true;
            case "Concat" when node.Inputs.All(i => numbers.TryGetValue(i!, out var n) && n.Grid is { IsWhole: true } g && first?.Grid is { } own && g.Agrees(own)):
                Set(node, first! with { Real = b.Apply("Concat", [.. node.Inputs.Select(i => numbers[i!].Real)], node.Attributes) });
                return true;
            case "Cast":
                var type = (ElementType)node.Attributes.Int("to");
                if (type.IsFloating())
                    rewriter.Map[node.Outputs[0]!] = b.Cast(Integers(node.Input(0)), type);
                else if (type == ElementType.Int64 || type == ElementType.Bool)
                    rewriter.Map[node.Outputs[0]!] = b.Cast(b.Round(Integers(node.Input(0))), type);
                else
                    Set(node, new(Integers(node.Input(0)), QuantisationGrid.Unit));
                return true;
        }
        // Any other: on the integers as floats, with other operands of the same type made floats too.
        var types = node.Inputs.Where(i => i is not null && numbers.ContainsKey(i)).Select(i => i!.Type).ToHashSet();
        var results = b.Emit(
            node.Op, [.. node.Inputs.Select(i => i is null ? null : types.Contains(i.Type) ? Integers(i) : rewriter[i])], node.Attributes, node.Outputs.Length);
        for (var i = 0; i < results.Length; i++)
            if (node.Outputs[i] is { } output)
            {
                if (types.Contains(output.Type))
                    numbers[output] = new(results[i], QuantisationGrid.Unit);
                else
                    rewriter.Map[output] = results[i];
            }
        return true;
    }
}
