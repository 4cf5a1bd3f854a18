using TorchSharp;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Fitting;

/// <summary>
/// The losses of self-supervised learning on two views of each of N examples. Row i of <c>a</c> and row i of <c>b</c>, both [N, D], are the
/// projections of example i's views. Each returns a scalar [] in the caller's dispose scope.
/// </summary>
/// <remarks>Numbers are handed to libtorch as scalars that outlive the call, for the reason that <see cref="SwagMoments"/> gives.</remarks>
public static class ViewLosses
{
    // As BatchNorm1d, by which Barlow Twins' authors standardise, and as VICReg's own code.
    private const double StandardisationEpsilon = 1e-5, VarianceEpsilon = 1e-4;

    /// <summary>
    /// NT-Xent (Chen and others, 'A Simple Framework for Contrastive Learning of Visual Representations', 2020, equation 1): with the 2N rows
    /// u of both views at length 1 and u⁺ the other view of the same example, the mean over all rows of
    /// −log( exp(u·u⁺/τ) / Σ over the other 2N − 1 rows v of exp(u·v/τ) ).
    /// </summary>
    /// <param name="a">The first views.</param>
    /// <param name="b">The second views.</param>
    /// <param name="temperature">τ, above 0.</param>
    public static Tensor NtXent(Tensor a, Tensor b, double temperature)
    {
        ArgumentNullException.ThrowIfNull(a);
        long n = a.shape[0];
        using Scalar heat = temperature, never = double.NegativeInfinity;
        var rows = nn.functional.normalize(cat([a, b], 0), dim: 1);
        var similarity = rows.mm(rows.t()).div(heat).masked_fill(eye(2 * n, dtype: ScalarType.Bool, device: rows.device), never);
        var partner = tensor([.. Enumerable.Range(0, (int)(2 * n)).Select(i => (i + n) % (2 * n))], device: rows.device);
        return nn.functional.cross_entropy(similarity, partner);
    }

    /// <summary>
    /// Barlow Twins (Zbontar and others, 'Barlow Twins: Self-Supervised Learning via Redundancy Reduction', 2021, equations 1 and 2): with
    /// every column at mean 0 and variance 1 over the batch and C = aᵀb/N [D, D], Σ (1 − C_ii)² + λ Σ_{i≠j} C_ij².
    /// </summary>
    /// <param name="a">The first views.</param>
    /// <param name="b">The second views.</param>
    /// <param name="redundancy">λ.</param>
    public static Tensor BarlowTwins(Tensor a, Tensor b, double redundancy)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        using Scalar count = (double)a.shape[0], share = redundancy;
        var correlation = Standardised(a).t().mm(Standardised(b)).div(count);
        var diagonal = correlation.diagonal();
        var wanted = diagonal.sub(ones_like(diagonal)).square().sum();
        return wanted.add(correlation.square().sum().sub(diagonal.square().sum()).mul(share));
    }

    /// <summary>
    /// VICReg (Bardes, Ponce and LeCun, 'VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning', 2022), with the
    /// means of its authors' code: 25 · mean (a − b)² + 25 · ½ Σ over views of mean_j max(0, 1 − √(var_j + 1e-4)) + Σ over views of
    /// Σ_{i≠j} cov_ij²/D, variances and covariances divided by N − 1.
    /// </summary>
    /// <param name="a">The first views.</param>
    /// <param name="b">The second views.</param>
    public static Tensor VicReg(Tensor a, Tensor b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        using Scalar invariance = 25.0, variance = 12.5;
        return a.sub(b).square().mean().mul(invariance).add(Spread(a).add(Spread(b)).mul(variance)).add(Redundancy(a).add(Redundancy(b)));
    }

    private static Tensor Centred(Tensor x) => x.sub(x.mean([0L], keepdim: true));

    private static Tensor Standardised(Tensor x)
    {
        using Scalar epsilon = StandardisationEpsilon;
        var centred = Centred(x);
        return centred.div(centred.square().mean([0L], keepdim: true).add(epsilon).sqrt());
    }

    /// <summary>mean_j max(0, 1 − √(var_j + ε)).</summary>
    private static Tensor Spread(Tensor x)
    {
        using Scalar epsilon = VarianceEpsilon, free = x.shape[0] - 1.0;
        var deviation = Centred(x).square().sum([0L]).div(free).add(epsilon).sqrt();
        return ones_like(deviation).sub(deviation).relu().mean();
    }

    /// <summary>Σ_{i≠j} cov_ij²/D.</summary>
    private static Tensor Redundancy(Tensor x)
    {
        using Scalar free = x.shape[0] - 1.0, width = (double)x.shape[1];
        var centred = Centred(x);
        var covariance = centred.t().mm(centred).div(free);
        return covariance.square().sum().sub(covariance.diagonal().square().sum()).div(width);
    }
}
