using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>
/// Resize of opset 18 without antialiasing. In every mode each axis is a fixed matrix: an element of the result is a weighted sum of elements along the axis.
/// The gradient is the product with its transpose, axis by axis; where elements are only repeated, a sum over the repeats.
/// </summary>
internal static class ResizeGradient
{
    private const int Input = 0;
    private const int Scales = 2;

    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["Resize"] = c => c.Give(Input, () => Transposed(c)),
    };

    private static Value Transposed(GradientCall c)
    {
        var (b, x, y) = (c.B, c.X(), c.Y());
        if (c.Attributes.Flag("antialias"))
            throw c.Refuse("it smooths against aliasing");
        var method = Method.Of(c);
        var axes = c.Attributes.Ints("axes")?.Select(x.Shape!.Axis).ToArray() ?? [.. Enumerable.Range(0, x.Rank)];
        var scales = c.Node.TryInput(Scales) is { } given && GraphBuilder.TryEvaluate(given) is { Count: > 0 } data ? data.ToDouble() : null;
        var dy = c.Dy();
        for (var i = 0; i < axes.Length; i++)
        {
            var axis = axes[i];
            var (from, to) = (x.Shape![axis], y.Shape![axis]);
            if (scales is null ? from.IsKnown && from == to : scales[i] == 1)
                continue;
            var factor = scales is not null ? (scales[i] == Math.Floor(scales[i]) ? (long)scales[i] : 0) : from.IsKnown ? to.DivideExactly(from)?.Value ?? 0 : 0;
            if (method.Repeats(factor))
                dy = SumRepeats(b, dy, x, axis, factor);
            else if (from.Value is { } input && to.Value is { } output)
                dy = Along(b, dy, axis, output, Transposed(method.Matrix(input, output, scales?[i] ?? (double)output / input), x.Type));
            else
                throw c.Refuse($"the extents of its axis {axis}, {from} and {to}, are not fixed");
        }
        return dy;
    }

    private static Value SumRepeats(GraphBuilder b, Value dy, Value x, int axis, long repeats)
    {
        var extents = Enumerable.Range(0, dy.Rank).SelectMany(i => i == axis ? (Value[])[b.Extent(x, i), b.Ints(repeats)] : [b.Extent(dy, i)]);
        return b.ReduceSum(b.Reshape(dy, b.Join(extents)), [axis + 1], keep: false);
    }

    // [outer, out, inner] from the left by [in, out].
    private static Value Along(GraphBuilder b, Value dy, int axis, long output, TensorData matrix)
    {
        var before = Enumerable.Range(0, axis).Select(i => b.Extent(dy, i)).ToArray();
        var after = Enumerable.Range(axis + 1, dy.Rank - axis - 1).Select(i => b.Extent(dy, i)).ToArray();
        Value Product(IEnumerable<Value> extents) => extents.Aggregate(b.Ints(1), (p, e) => p * e);
        var flat = b.Reshape(dy, b.Join(b.Ints(-1, output), Product(after)));
        return b.Reshape(b.MatMul(b.Constant(matrix), flat), b.Join([.. before, b.Ints(matrix.Dimensions[0]), .. after]));
    }

    private static TensorData Transposed(double[,] weights, ElementType type)
    {
        var (outputs, inputs) = (weights.GetLength(0), weights.GetLength(1));
        var all = new double[inputs * outputs];
        for (var o = 0; o < outputs; o++)
            for (var i = 0; i < inputs; i++)
                all[i * outputs + o] = weights[o, i];
        return TensorData.Of(all, inputs, outputs).ConvertTo(type);
    }

    /// <summary>How an element of the result reads the input, as the attributes say; the specification's page of Resize has the formulas.</summary>
    private sealed record Method(string Mode, string Coordinates, string Nearest, double Cubic, bool ExcludesOutside)
    {
        public static Method Of(GradientCall c)
        {
            var method = new Method(
                c.Attributes.String("mode", "nearest"), c.Attributes.String("coordinate_transformation_mode", "half_pixel"),
                c.Attributes.String("nearest_mode", "round_prefer_floor"), c.Attributes.Float("cubic_coeff_a", -0.75f), c.Attributes.Flag("exclude_outside"));
            if (method.Coordinates is not ("half_pixel" or "half_pixel_symmetric" or "pytorch_half_pixel" or "align_corners" or "asymmetric"))
                throw c.Refuse($"its coordinate_transformation_mode is '{method.Coordinates}'");
            return method;
        }

        /// <summary>Whether a whole factor repeats each element so many times, for any extent.</summary>
        public bool Repeats(long factor)
        {
            const int sample = 5;
            if (Mode != "nearest" || Coordinates is "align_corners" || factor < 1)
                return false;
            var matrix = Matrix(sample, sample * factor, factor);
            return Enumerable.Range(0, (int)(sample * factor)).All(o => matrix[o, o / factor] == 1);
        }

        /// <summary>The weights [output, input].</summary>
        public double[,] Matrix(long input, long output, double scale)
        {
            var weights = new double[output, input];
            for (var o = 0; o < output; o++)
            {
                var place = Place(o, input, output, scale);
                if (Mode == "nearest")
                    weights[o, Math.Clamp((long)Round(place), 0, input - 1)] = 1;
                else if (Mode == "linear")
                    Linear(weights, o, Math.Clamp(place, 0, input - 1), input);
                else
                    Bicubic(weights, o, place, input);
            }
            return weights;
        }

        // In float32, as ONNX Runtime computes it: where a position lies on a border the rounding decides the neighbour.
        private float Place(int o, long input, long output, double scale) => Coordinates switch
        {
            "align_corners" => output == 1 ? 0 : o * (float)(input - 1) / (output - 1),
            "asymmetric" => o / (float)scale,
            "pytorch_half_pixel" when output == 1 => 0,
            "half_pixel_symmetric" => input / 2f * (1 - output / ((float)scale * input)) + (o + 0.5f) / (float)scale - 0.5f,
            _ => (o + 0.5f) / (float)scale - 0.5f,
        };

        private float Round(float place) => Nearest switch
        {
            "floor" => MathF.Floor(place),
            "ceil" => MathF.Ceiling(place),
            "round_prefer_ceil" => MathF.Floor(place + 0.5f),
            _ => MathF.Ceiling(place - 0.5f),
        };

        private static void Linear(double[,] weights, int o, double place, long input)
        {
            var first = (long)Math.Floor(place);
            weights[o, first] += 1 - (place - first);
            weights[o, Math.Min(first + 1, input - 1)] += place - first;
        }

        // Cubic convolution (Keys, 1981), its four neighbours at the border those of the edge, or left out.
        private void Bicubic(double[,] weights, int o, double place, long input)
        {
            var first = (long)Math.Floor(place);
            var taps = Enumerable.Range(-1, 4).Select(k => (At: first + k, Weight: Keys(Math.Abs(place - (first + k))))).ToArray();
            var total = 1.0;
            if (ExcludesOutside)
            {
                taps = [.. taps.Where(t => t.At >= 0 && t.At < input)];
                total = taps.Sum(t => t.Weight);
            }
            foreach (var (at, weight) in taps)
                weights[o, Math.Clamp(at, 0, input - 1)] += weight / total;
        }

        private double Keys(double s) => s <= 1
            ? ((Cubic + 2) * s - (Cubic + 3)) * s * s + 1
            : ((Cubic * s - 5 * Cubic) * s + 8 * Cubic) * s - 4 * Cubic;
    }
}
