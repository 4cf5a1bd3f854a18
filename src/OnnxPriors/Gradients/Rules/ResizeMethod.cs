using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>
/// How an element of a Resize's result reads the input along an axis, as the attributes say; the specification's page of Resize has the formulas. They are
/// written as nodes, which fold to numbers where the extents are known, in float32, as ONNX Runtime computes places: where one lies on a border the rounding
/// decides the neighbour.
/// </summary>
internal sealed record ResizeMethod(string Mode, string Coordinates, string Nearest, double Cubic, bool ExcludesOutside, bool Smooths)
{
    /// <summary>An axis: scalars, of which the extents are int64 and the others float32.</summary>
    /// <param name="Input">The extent before.</param>
    /// <param name="Output">The extent after.</param>
    /// <param name="Scale">By which it grows.</param>
    /// <param name="Start">Where a region starts, relative to the axis.</param>
    /// <param name="End">Where it ends.</param>
    public sealed record Axis(Value Input, Value Output, Value Scale, Value Start, Value End);

    /// <summary>Whether a region is cut out.</summary>
    public bool Crops => Coordinates == "tf_crop_and_resize";

    /// <summary>Reads the attributes.</summary>
    public static ResizeMethod Of(GradientCall c)
    {
        var method = new ResizeMethod(
            c.Attributes.String("mode", "nearest"), c.Attributes.String("coordinate_transformation_mode", "half_pixel"),
            c.Attributes.String("nearest_mode", "round_prefer_floor"), c.Attributes.Float("cubic_coeff_a", -0.75f), c.Attributes.Flag("exclude_outside"),
            c.Attributes.Flag("antialias"));
        return method.Mode is "nearest" or "linear" or "cubic" ? method : throw c.Refuse($"its mode '{method.Mode}' is not known");
    }

    /// <summary>Whether a whole factor repeats each element so many times, for any extent.</summary>
    public bool Repeats(GraphBuilder b, long factor)
    {
        const int sample = 5;
        if (Mode != "nearest" || Coordinates is "align_corners" || factor < 1)
            return false;
        var axis = new Axis(b.Scalar(sample, ElementType.Int64), b.Scalar(sample * factor, ElementType.Int64), b.Scalar(factor), b.Scalar(0), b.Scalar(1));
        return GraphBuilder.TryEvaluate(Rounded(b, Places(b, axis)))?.ToDouble().Select((p, o) => Math.Clamp(p, 0, sample - 1) == o / factor).All(same => same) == true;
    }

    /// <summary>The weights [output, input], float32.</summary>
    public Value Matrix(GradientCall c, Axis axis)
    {
        var b = c.B;
        var places = b.Unsqueeze(Places(b, axis), 1);
        var last = b.Cast(axis.Input, ElementType.Float) - 1;
        var weights = Mode == "nearest" ? On(b, axis, Rounded(b, places), last) : Weighted(c, axis, places, last);
        // What a region reads beyond the image is a number.
        return Crops ? weights * b.Cast(b.And(b.GreaterOrEqual(places, b.Scalar(0)), b.LessOrEqual(places, last)), ElementType.Float) : weights;
    }

    private Value Weighted(GradientCall c, Axis axis, Value places, Value last)
    {
        var b = c.B;
        var stretch = 1.0;
        if (Smooths)
            stretch = Math.Min(1, GraphBuilder.TryEvaluate(axis.Scale)?.ToDouble()[0] ?? throw c.Refuse("it smooths by a scale that depends on the model's inputs"));
        var smooths = stretch < 1;
        var reach = (int)Math.Ceiling((Mode == "cubic" ? 2 : 1) / stretch);
        // Linear interpolation stops at the border; cubic and smoothed windows reach over it.
        if (Mode == "linear" && !smooths)
            places = b.Max(b.Min(places, last), b.Scalar(0));
        var first = b.Floor(places);
        Value? sum = null, total = null;
        for (var t = 1 - reach; t <= reach; t++)
        {
            var index = t == 0 ? first : first + t;
            var weight = Window(b, b.Abs(index - places) * stretch);
            if (ExcludesOutside)
                weight *= b.Cast(b.And(b.GreaterOrEqual(index, b.Scalar(0)), b.LessOrEqual(index, last)), ElementType.Float);
            var term = On(b, axis, index, last) * weight;
            (sum, total) = (sum is null ? term : sum + term, total is null ? weight : total + weight);
        }
        return ExcludesOutside || smooths ? sum! / total! : sum!;
    }

    // A triangle, or cubic convolution (Keys, 1981).
    private Value Window(GraphBuilder b, Value s)
    {
        if (Mode == "linear")
            return b.Max(1 - s, b.Scalar(0));
        var near = ((Cubic + 2) * s - (Cubic + 3)) * s * s + 1;
        var far = ((Cubic * s - 5 * Cubic) * s + 8 * Cubic) * s - 4 * Cubic;
        return b.Where(b.LessOrEqual(s, b.Scalar(1)), near, b.Where(b.Less(s, b.Scalar(2)), far, b.Scalar(0)));
    }

    // 1 at an index within the axis, else 0 [output, input].
    private static Value On(GraphBuilder b, Axis axis, Value index, Value last)
    {
        var elements = b.Cast(b.Range(b.Scalar(0, ElementType.Int64), axis.Input, b.Scalar(1, ElementType.Int64)), ElementType.Float);
        return b.Cast(b.Equal(elements, b.Max(b.Min(index, last), b.Scalar(0))), ElementType.Float);
    }

    private Value Rounded(GraphBuilder b, Value places) => Nearest switch
    {
        "floor" => b.Floor(places),
        "ceil" => b.Apply("Ceil", [places]),
        "round_prefer_ceil" => b.Floor(places + 0.5),
        _ => b.Apply("Ceil", [places - 0.5]),
    };

    private Value Places(GraphBuilder b, Axis axis)
    {
        var o = b.Cast(b.Range(b.Scalar(0, ElementType.Int64), axis.Output, b.Scalar(1, ElementType.Int64)), ElementType.Float);
        var (input, output) = (b.Cast(axis.Input, ElementType.Float), b.Cast(axis.Output, ElementType.Float));
        var steps = b.Max(output - 1, b.Scalar(1));
        var halfPixel = (o + 0.5) / axis.Scale - 0.5;
        return Coordinates switch
        {
            "align_corners" => o * (input - 1) / steps,
            "asymmetric" => o / axis.Scale,
            "pytorch_half_pixel" => b.Where(b.Greater(output, b.Scalar(1)), halfPixel, b.Scalar(0)),
            "half_pixel_symmetric" => input / 2 * (1 - output / (axis.Scale * input)) + (o + 0.5) / axis.Scale - 0.5,
            "tf_crop_and_resize" => b.Where(
                b.Greater(output, b.Scalar(1)),
                axis.Start * (input - 1) + o * ((axis.End - axis.Start) * (input - 1)) / steps,
                (axis.Start + axis.End) * 0.5 * (input - 1)),
            _ => halfPixel,
        };
    }
}
