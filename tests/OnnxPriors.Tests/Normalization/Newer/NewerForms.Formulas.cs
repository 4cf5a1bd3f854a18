using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Normalization.Newer;

/// <summary>What ONNX Runtime 1.31 does not run, beside the specification's own formulas in float64, written element by element.</summary>
internal static partial class NewerForms
{
    private static IEnumerable<OperatorForm> Formulas() =>
    [
        Linear("linear", "q:2x3x8 k:2x3x4 v:2x3x6 p:2x2x2x3", false, false),
        Linear("gated", "q:2x3x8 k:2x3x4 v:2x3x6 p:2x2x2x3 g:2x3x4", true, false),
        Linear("delta", "q:2x3x8 k:2x3x4 v:2x3x6 _ _ r:2x3x2", false, true),
        Linear("gated_delta", "q:2x3x8 k:2x3x4 v:2x3x6 _ g:2x3x2 r:2x3x1", true, true),
        new("as it is", 27, "CausalConvWithState", "x:2x3x5 w:3x1x3 b:3") { Formula = i => Causal(i, false) },
        new("after a piece, with silu", 27, "CausalConvWithState", "x:2x3x5 w:3x1x3 b:3 p:2x3x2", ("activation", "silu")) { Formula = i => Causal(i, true) },
        new("a gate", 28, "SwiGLU", "x:3x4 b:3x4", ("alpha", 1.3f)) { Formula = i => [.. i["x"].ToDouble().Zip(i["b"].ToDouble(), (x, b) => x / (1 + Math.Exp(-1.3f * x)) * b)] },
        new("a slope", 28, "Celu", "x:3x4", ("alpha", 0.7f)) { Formula = i => [.. i["x"].ToDouble().Select(x => Math.Max(0, x) + Math.Min(0, 0.7 * (Math.Exp(x / 0.7) - 1)))] },
        Windowed("to the left", 2, -1, false),
        Windowed("to both sides", 1, 2, false),
        Windowed("to the left of the past", 1, -1, true),
    ];

    /// <summary>S ← exp(g)S; v ← β(v − Sᵀk); S ← S + kvᵀ; o = Sᵀq/√K, with two key heads and four query heads.</summary>
    private static OperatorForm Linear(string rule, string inputs, bool decays, bool corrects)
    {
        return new(rule, 27, "LinearAttention", inputs, ("q_num_heads", 4), ("kv_num_heads", 2), ("update_rule", rule)) { Formula = Run, Shape = [2, 3, 12] };

        double[] Run(IReadOnlyDictionary<string, TensorData> given)
        {
            const int batch = 2, length = 3, queries = 4, heads = 2, depth = 2, width = 3;
            var (q, k, v) = (given["q"].ToDouble(), given["k"].ToDouble(), given["v"].ToDouble());
            var (g, r) = (decays ? given["g"] : null, corrects ? given["r"] : null);
            var past = given.TryGetValue("p", out var p) ? p.ToDouble() : new double[batch * heads * depth * width];
            var y = new double[batch * length * queries * width];
            for (var n = 0; n < batch; n++)
                for (var h = 0; h < heads; h++)
                {
                    var state = new double[depth, width];
                    for (var i = 0; i < depth; i++)
                        for (var j = 0; j < width; j++)
                            state[i, j] = past[((n * heads + h) * depth + i) * width + j];
                    for (var t = 0; t < length; t++)
                    {
                        var row = n * length + t;
                        for (var j = 0; j < width; j++)
                        {
                            var value = v[row * heads * width + h * width + j];
                            if (g is not null)
                                for (var i = 0; i < depth; i++)
                                    state[i, j] *= Math.Exp(g.ToDouble()[g.Dimensions[2] == heads ? row * heads + h : row * heads * depth + h * depth + i]);
                            if (r is not null)
                                value = r.ToDouble()[r.Dimensions[2] == 1 ? row : row * heads + h] * (value - Enumerable.Range(0, depth).Sum(i => state[i, j] * k[(row * heads + h) * depth + i]));
                            for (var i = 0; i < depth; i++)
                                state[i, j] += k[(row * heads + h) * depth + i] * value;
                        }
                        for (var w = h * 2; w < h * 2 + 2; w++)
                            for (var j = 0; j < width; j++)
                                y[(row * queries + w) * width + j] = Enumerable.Range(0, depth).Sum(i => state[i, j] * q[(row * queries + w) * depth + i]) / Math.Sqrt(depth);
                    }
                }
            return y;
        }
    }

    private static double[] Causal(IReadOnlyDictionary<string, TensorData> given, bool isGated)
    {
        const int channels = 3, length = 5, taps = 3;
        var (x, w, b) = (given["x"].ToDouble(), given["w"].ToDouble(), given["b"].ToDouble());
        var past = given.TryGetValue("p", out var p) ? p.ToDouble() : null;
        var y = new double[x.Length];
        for (var row = 0; row < x.Length / length; row++)
            for (var t = 0; t < length; t++)
            {
                var sum = b[row % channels];
                for (var i = 0; i < taps; i++)
                {
                    var place = t + i - (taps - 1);
                    var element = place >= 0 ? x[row * length + place] : past?[row * (taps - 1) + place + taps - 1] ?? 0;
                    sum += w[row % channels * taps + i] * element;
                }
                y[row * length + t] = isGated ? sum / (1 + Math.Exp(-sum)) : sum;
            }
        return y;
    }

    /// <summary>Queries at p look at keys from p − left to p + right; with a cache the first query stands after it.</summary>
    private static OperatorForm Windowed(string name, long left, long right, bool hasPast)
    {
        const int rows = 2, queries = 4, own = 4, size = 3, width = 2;
        return new(name, 25, "Attention", hasPast ? "q:1x2x4x3 k:1x2x4x3 v:1x2x4x2 _ pk:1x2x2x3 pv:1x2x2x2" : "q:1x2x4x3 k:1x2x4x3 v:1x2x4x2",
            ("left_window_size", left), ("right_window_size", right))
        {
            Formula = Run,
            Shape = [1, 2, 4, 2],
        };

        double[] Run(IReadOnlyDictionary<string, TensorData> given)
        {
            var q = given["q"].ToDouble();
            var cached = hasPast ? 2 : 0;
            var (k, v) = (Joined("k", size), Joined("v", width));
            var y = new double[rows * queries * width];
            for (var h = 0; h < rows; h++)
                for (var i = 0; i < queries; i++)
                {
                    var shares = new double[own + cached];
                    for (var j = 0; j < own + cached; j++)
                        if ((left < 0 || j >= cached + i - left) && (right < 0 || j <= cached + i + right))
                            shares[j] = Math.Exp(Enumerable.Range(0, size).Sum(e => q[(h * queries + i) * size + e] * k(h, j, e)) / Math.Sqrt(size));
                    for (var e = 0; e < width; e++)
                        y[(h * queries + i) * width + e] = Enumerable.Range(0, own + cached).Sum(j => shares[j] * v(h, j, e)) / shares.Sum();
                }
            return y;

            Func<int, int, int, double> Joined(string name, int extent)
            {
                var now = given[name].ToDouble();
                var past = hasPast ? given["p" + name].ToDouble() : [];
                return (h, j, e) => j < cached ? past[(h * cached + j) * extent + e] : now[(h * own + j - cached) * extent + e];
            }
        }
    }

    // The inverse transform of the whole spectrum, whose other side is the conjugate of bins [2, 4, 3, 2], along the second axis.
    private static double[] RealSignal(TensorData bins, int places)
    {
        var x = bins.ToDouble();
        List<double> y = [];
        for (var n = 0; n < 2; n++)
            for (var t = 0; t < places; t++)
                for (var c = 0; c < 3; c++)
                {
                    var sum = 0.0;
                    for (var k = 0; k < places; k++)
                    {
                        var (bin, sign) = k <= places / 2 ? (k, 1) : (places - k, -1);
                        var at = ((n * 4 + bin) * 3 + c) * 2;
                        var angle = 2 * Math.PI * k * t / places;
                        sum += bin < 4 ? x[at] * Math.Cos(angle) - sign * x[at + 1] * Math.Sin(angle) : 0;
                    }
                    y.Add(sum / places);
                }
        return [.. y];
    }
}
