using OnnxPriors.Cli.Engines;
using OnnxPriors.Graphs;

namespace OnnxPriors.Cli.Verification;

/// <summary>Distances of tensors in units of the reference.</summary>
internal static class Relative
{
    // Below this share of the whole gradient's norm a tensor's gradient is rounding error of the others.
    private const double NegligibleShare = 1e-6;

    /// <summary>The worst output's ‖a − b‖ / ‖b‖. Outputs are matched by name; integers and booleans count as numbers.</summary>
    public static double Worst(IReadOnlyDictionary<string, TensorData> computed, IReadOnlyDictionary<string, TensorData> reference)
    {
        var worst = 0.0;
        foreach (var (name, expected) in reference)
        {
            if (!computed.TryGetValue(name, out var actual))
                throw new EngineException($"The imported graph lacks the output '{name}'.");
            if (!actual.Dimensions.SequenceEqual(expected.Dimensions))
                throw new EngineException($"The output '{name}' has the shape [{string.Join(", ", actual.Dimensions)}] where the file gives [{string.Join(", ", expected.Dimensions)}].");
            worst = Math.Max(worst, Distance(actual.ToDouble(), expected.ToDouble(), 0));
        }
        return worst;
    }

    /// <summary>The worst tensor's ‖a − b‖ / max(‖b‖, 10⁻⁶ of the norm of all), and its name.</summary>
    public static (double Error, string Name) Worst(IReadOnlyDictionary<string, double[]> computed, IReadOnlyDictionary<string, double[]> reference)
    {
        // The exponent of a power has no derivative where the base is negative: both sides say NaN, which is not a size.
        var floor = NegligibleShare * Math.Sqrt(reference.Values.Sum(t => t.Where(double.IsFinite).Sum(v => v * v)));
        var worst = (Error: -1.0, Name: "");
        foreach (var (name, expected) in reference)
        {
            var error = Distance(computed[name], expected, floor);
            if (error > worst.Error)
                worst = (error, name);
        }
        return worst;
    }

    private static double Distance(double[] actual, double[] expected, double floor)
    {
        double difference = 0, norm = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            // Two infinities of one sign, or two NaNs, agree.
            if (actual[i].Equals(expected[i]))
            {
                norm += double.IsFinite(expected[i]) ? expected[i] * expected[i] : 0;
                continue;
            }
            difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
            norm += expected[i] * expected[i];
        }
        if (difference == 0)
            return 0;
        var error = Math.Sqrt(difference) / Math.Max(Math.Max(Math.Sqrt(norm), floor), double.Epsilon);
        // A number that only one side has is as far away as JSON can say.
        return double.IsFinite(error) ? error : double.MaxValue;
    }
}
