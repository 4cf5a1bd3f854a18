using System.Runtime.Intrinsics;
using OnnxPriors.Randomness;

namespace OnnxPriors.Torch.Fitting;

/// <summary>Which curvature of the cross-entropy a Laplace approximation takes.</summary>
public enum CurvatureKind
{
    /// <summary>The Fisher information, its labels drawn from the model's own probabilities.</summary>
    Fisher,

    /// <summary>The empirical Fisher: the squared gradients at the data's own labels.</summary>
    EmpiricalFisher,

    /// <summary>The generalised Gauss-Newton matrix.</summary>
    GaussNewton,
}

/// <summary>
/// The diagonal curvatures as sums of squares: for one example with logits z [C], probabilities p = softmax(z) and Jacobian
/// J = ∂z/∂θ, each is a mean over vectors v [C] of (Jᵀv)², taken elementwise, and Jᵀv is one backward pass.
/// <code>
/// empirical Fisher      v = p − e_y, y the example's label: Jᵀv is the gradient of its loss
/// Fisher                v = p − e_ŷ, ŷ ~ p, the mean over S draws
/// Gauss-Newton, exact   v_c = √p_c (p − e_c), the sum over all c: the columns of a root of H = diag(p) − ppᵀ
/// Gauss-Newton, sampled v = Σ_c r_c v_c, r_c = ±1 with equal chance, the mean over S draws
/// </code>
/// For the softmax the Fisher's expectation over ŷ is the Gauss-Newton diagonal itself (Martens, 'New Insights and Perspectives on the
/// Natural Gradient Method', 2020, section 9.2), so the sampled forms estimate one thing without bias, with other variances.
/// </summary>
internal static class CurvatureVectors
{
    /// <summary>The vectors of one example.</summary>
    /// <param name="kind">Which curvature.</param>
    /// <param name="samples">S; 0 for the exact Gauss-Newton.</param>
    /// <param name="logits">z [C].</param>
    /// <param name="label">y.</param>
    /// <param name="seed">The seed of what is drawn.</param>
    /// <param name="example">The example's number, which with the seed decides the draws.</param>
    /// <returns>Vectors [C], scaled so that the curvature is the sum of their squares (Jᵀv)².</returns>
    public static IEnumerable<double[]> Of(CurvatureKind kind, int samples, double[] logits, long label, ulong seed, ulong example)
    {
        var p = Softmax(logits);
        switch (kind)
        {
            case CurvatureKind.EmpiricalFisher:
                yield return Residual(p, label, 1);
                break;
            case CurvatureKind.Fisher:
                for (var s = 0; s < samples; s++)
                    yield return Residual(p, Draw(p, Uniform(seed, example, (uint)s)), Math.Sqrt(1.0 / samples));
                break;
            case CurvatureKind.GaussNewton when samples == 0:
                for (var c = 0; c < p.Length; c++)
                    yield return Residual(p, c, Math.Sqrt(p[c]));
                break;
            default:
                for (var s = 0; s < samples; s++)
                    yield return RandomRoot(p, seed, example, (uint)s, Math.Sqrt(1.0 / samples));
                break;
        }
    }

    private static double[] Softmax(double[] logits)
    {
        var most = logits.Max();
        double[] p = [.. logits.Select(z => Math.Exp(z - most))];
        var total = p.Sum();
        for (var c = 0; c < p.Length; c++) p[c] /= total;
        return p;
    }

    /// <summary>(p − e_y) · scale.</summary>
    private static double[] Residual(double[] p, long y, double scale)
    {
        var v = new double[p.Length];
        for (var c = 0; c < v.Length; c++) v[c] = scale * (p[c] - (c == y ? 1 : 0));
        return v;
    }

    /// <summary>Σ_c r_c √p_c (p − e_c) · scale.</summary>
    private static double[] RandomRoot(double[] p, ulong seed, ulong example, uint sample, double scale)
    {
        var signed = new double[p.Length];
        var total = 0.0;
        for (var c = 0; c < p.Length; c++)
        {
            var sign = (Philox.Block(Vector128.Create((uint)example, (uint)(example >> 32), sample, 2 + (uint)(c / 128)), seed)[c % 128 / 32] >> (c % 32) & 1) == 0 ? -1 : 1;
            signed[c] = sign * Math.Sqrt(p[c]);
            total += signed[c];
        }
        var v = new double[p.Length];
        for (var c = 0; c < v.Length; c++) v[c] = scale * (total * p[c] - signed[c]);
        return v;
    }

    private static double Uniform(ulong seed, ulong example, uint sample)
    {
        var words = Philox.Block(Vector128.Create((uint)example, (uint)(example >> 32), sample, 1u), seed);
        return ((((ulong)words[0] << 32) | words[1]) >> 11) * (1.0 / (1L << 53));
    }

    /// <summary>The class that a uniform number falls to; rounding past the end gives the last class that is possible at all.</summary>
    private static int Draw(double[] p, double uniform)
    {
        var reached = 0.0;
        for (var c = 0; c < p.Length; c++)
            if (uniform < (reached += p[c]))
                return c;
        return Array.FindLastIndex(p, share => share > 0);
    }
}
