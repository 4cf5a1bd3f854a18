using System.Collections.Immutable;

namespace OnnxPriors.Graphs.Folding;

/// <summary>Arithmetic on literals. Integers are computed in 64 bits, real numbers in float64.</summary>
internal static class ElementwiseFolding
{
    public static IReadOnlyDictionary<string, Func<FoldedCall, TensorData?>> Rules { get; } = new Dictionary<string, Func<FoldedCall, TensorData?>>(StringComparer.Ordinal)
    {
        ["Identity"] = c => c.Input(0),
        ["Cast"] = c => c.Input(0).Type == ElementType.String ? null : c.Input(0).ConvertTo(c.Type),
        ["Add"] = c => Binary(c, (a, b) => a + b, (a, b) => a + b),
        ["Sub"] = c => Binary(c, (a, b) => a - b, (a, b) => a - b),
        ["Mul"] = c => Binary(c, (a, b) => a * b, (a, b) => a * b),
        ["Div"] = c => Binary(c, (a, b) => b == 0 ? throw new GraphException("An integer constant is divided by zero.") : a / b, (a, b) => a / b),
        ["Mod"] = c => c.Attributes.Flag("fmod")
            ? Binary(c, (a, b) => a % b, (a, b) => a % b)
            : Binary(c, (a, b) => a - b * (long)Math.Floor((decimal)a / b), (a, b) => a - b * Math.Floor(a / b)),
        ["Pow"] = c => Binary(c, (a, b) => (long)Math.Pow(a, b), Math.Pow),
        ["Max"] = c => c.Inputs.Length == 2 ? Binary(c, Math.Max, Math.Max) : null,
        ["Min"] = c => c.Inputs.Length == 2 ? Binary(c, Math.Min, Math.Min) : null,
        ["Equal"] = c => Binary(c, (a, b) => a == b ? 1 : 0, (a, b) => a == b ? 1 : 0),
        ["Less"] = c => Binary(c, (a, b) => a < b ? 1 : 0, (a, b) => a < b ? 1 : 0),
        ["LessOrEqual"] = c => Binary(c, (a, b) => a <= b ? 1 : 0, (a, b) => a <= b ? 1 : 0),
        ["Greater"] = c => Binary(c, (a, b) => a > b ? 1 : 0, (a, b) => a > b ? 1 : 0),
        ["GreaterOrEqual"] = c => Binary(c, (a, b) => a >= b ? 1 : 0, (a, b) => a >= b ? 1 : 0),
        ["And"] = c => Binary(c, (a, b) => a & b, (a, _) => a),
        ["Or"] = c => Binary(c, (a, b) => a | b, (a, _) => a),
        ["Xor"] = c => Binary(c, (a, b) => a ^ b, (a, _) => a),
        ["Not"] = c => Unary(c, a => a == 0 ? 1 : 0, a => a),
        ["Neg"] = c => Unary(c, a => -a, a => -a),
        ["Abs"] = c => Unary(c, Math.Abs, Math.Abs),
        ["Sign"] = c => Unary(c, a => Math.Sign(a), a => Math.Sign(a)),
        ["Floor"] = c => Unary(c, a => a, Math.Floor),
        ["Ceil"] = c => Unary(c, a => a, Math.Ceiling),
        ["Round"] = c => Unary(c, a => a, a => Math.Round(a, MidpointRounding.ToEven)),
        ["Sqrt"] = c => Unary(c, a => a, Math.Sqrt),
        ["Exp"] = c => Unary(c, a => a, Math.Exp),
        ["Log"] = c => Unary(c, a => a, Math.Log),
        ["Reciprocal"] = c => Unary(c, a => a, a => 1 / a),
        ["Where"] = Where,
    };

    private static TensorData Unary(FoldedCall c, Func<long, long> integer, Func<double, double> real) => c.Input(0).Type.IsFloating()
        ? TensorData.Of(Array.ConvertAll(c.Input(0).ToDouble(), v => real(v)), c.Dimensions).ConvertTo(c.Type)
        : TensorData.Of(Array.ConvertAll(c.Input(0).ToInt64(), v => integer(v)), c.Dimensions).ConvertTo(c.Type);

    private static TensorData Binary(FoldedCall c, Func<long, long, long> integer, Func<double, double, double> real)
    {
        var a = Spread(c.Input(0), c.Dimensions);
        var b = Spread(c.Input(1), c.Dimensions);
        if (c.Input(0).Type.IsFloating())
        {
            var (x, y) = (c.Input(0).ToDouble(), c.Input(1).ToDouble());
            return TensorData.Of([.. a.Zip(b, (i, j) => real(x[i], y[j]))], c.Dimensions).ConvertTo(c.Type);
        }
        else
        {
            var (x, y) = (c.Input(0).ToInt64(), c.Input(1).ToInt64());
            return TensorData.Of([.. a.Zip(b, (i, j) => integer(x[i], y[j]))], c.Dimensions).ConvertTo(c.Type);
        }
    }

    private static TensorData? Where(FoldedCall c)
    {
        var flags = c.Input(0).ToInt64();
        var size = c.Type.Size();
        var (condition, yes, no) = (Spread(c.Input(0), c.Dimensions), Spread(c.Input(1), c.Dimensions), Spread(c.Input(2), c.Dimensions));
        var bytes = new byte[condition.Length * size];
        for (var i = 0; i < condition.Length; i++)
        {
            var (source, place) = flags[condition[i]] != 0 ? (c.Input(1), yes[i]) : (c.Input(2), no[i]);
            source.Bytes.Span.Slice(place * size, size).CopyTo(bytes.AsSpan(i * size));
        }
        return new TensorData(c.Type, c.Dimensions, bytes);
    }

    /// <summary>For each element of a broadcast result, the place in the source it comes from.</summary>
    public static int[] Spread(TensorData source, ImmutableArray<long> result)
    {
        var offset = result.Length - source.Dimensions.Length;
        var steps = new long[result.Length];
        for (long i = result.Length - 1, step = 1; i >= offset; i--)
        {
            steps[i] = source.Dimensions[(int)i - offset] == 1 ? 0 : step;
            step *= source.Dimensions[(int)i - offset];
        }
        return Walk(result, steps, 0);
    }

    /// <summary>Row by row over a shape, where each axis steps by its own number of source elements.</summary>
    public static int[] Walk(ImmutableArray<long> shape, ReadOnlySpan<long> steps, long start)
    {
        var count = shape.Aggregate(1L, (product, d) => product * d);
        var places = new int[count];
        var index = new long[shape.Length];
        var place = start;
        for (var i = 0; i < count; i++)
        {
            places[i] = checked((int)place);
            for (var axis = shape.Length - 1; axis >= 0; axis--)
            {
                place += steps[axis];
                if (++index[axis] < shape[axis])
                    break;
                place -= steps[axis] * shape[axis];
                index[axis] = 0;
            }
        }
        return places;
    }
}
