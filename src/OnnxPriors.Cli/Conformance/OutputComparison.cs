using System.Globalization;
using OnnxPriors.Graphs;

namespace OnnxPriors.Cli.Conformance;

/// <summary>
/// Compares an output with the one expected as ONNX's own runner does (numpy.testing.assert_allclose): shapes and types equal, integers
/// and booleans equal, |actual − expected| ≤ 1e-5 + 1e-3 · |expected| for floats, NaN equal to NaN.
/// </summary>
/// <remarks>
/// The import computes float16 and bfloat16 models in float32, by design, so such outputs are compared after widening, and may be two
/// units in the last place of the narrow type away: the expected numbers were rounded at every step. bfloat16 comes out as float32.
/// </remarks>
internal static class OutputComparison
{
    private const double Absolute = 1e-5, Relative = 1e-3;

    // Two units in the last place: 2 · 2⁻¹⁰ and 2 · 2⁻⁷.
    private const double RelativeHalf = 2.0 / 1024, RelativeBFloat16 = 2.0 / 128;

    /// <summary>What is wrong with an output, or null where it is as expected.</summary>
    /// <param name="name">What the message calls the output.</param>
    /// <param name="expected">The output expected.</param>
    /// <param name="actual">The output there is.</param>
    public static string? Difference(string name, TensorData expected, TensorData actual)
    {
        if (actual.Type != expected.Type && !(expected.Type == ElementType.BFloat16 && actual.Type == ElementType.Float))
            return $"output '{name}' is {actual.Type}, not {expected.Type}";
        if (!actual.Dimensions.SequenceEqual(expected.Dimensions))
            return $"output '{name}' has the shape [{string.Join(", ", actual.Dimensions)}], not [{string.Join(", ", expected.Dimensions)}]";
        return expected.Type is ElementType.Complex64 or ElementType.Complex128 ? $"output '{name}' is complex"
            : expected.Type.IsFloating() ? Floats(name, expected, actual) : Exactly(name, expected, actual);
    }

    private static string? Exactly(string name, TensorData expected, TensorData actual)
    {
        var wrong = expected.Bytes.Span.CommonPrefixLength(actual.Bytes.Span) / expected.Type.Size();
        return wrong == expected.Count ? null : $"output '{name}' differs first at element {wrong}: {expected.ToDouble()[wrong]:R} is expected and {actual.ToDouble()[wrong]:R} came out";
    }

    private static string? Floats(string name, TensorData expected, TensorData actual)
    {
        var relative = expected.Type switch
        {
            ElementType.Float16 => RelativeHalf,
            ElementType.BFloat16 => RelativeBFloat16,
            _ => Relative,
        };
        var (wanted, given) = (expected.ToDouble(), actual.ToDouble());
        var (worst, place, count) = (0.0, 0, 0);
        for (var i = 0; i < wanted.Length; i++)
        {
            // Equal infinities and NaN for NaN are right; their difference is not a number.
            if (wanted[i] == given[i] || (double.IsNaN(wanted[i]) && double.IsNaN(given[i])))
                continue;
            var distance = Math.Abs(wanted[i] - given[i]) / (Absolute + relative * Math.Abs(wanted[i]));
            if (distance <= 1)
                continue;
            count++;
            if (double.IsNaN(distance) || distance > worst)
                (worst, place) = (double.IsNaN(distance) ? double.PositiveInfinity : distance, i);
        }
        return count == 0 ? null : string.Create(
            CultureInfo.InvariantCulture,
            $"output '{name}' differs at {count} of {wanted.Length} elements, most at {place}: {wanted[place]:G7} is expected and {given[place]:G7} came out");
    }
}
