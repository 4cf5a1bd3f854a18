using OnnxPriors.Priors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace OnnxPriors.Cli.Benchmarking;

/// <summary>
/// log N(θ; μ, D + WWᵀ) up to a constant, over the parameters flattened into one vector, as PyTorch's <c>LowRankMultivariateNormal</c>
/// computes it: the Cholesky factor of I + WᵀD⁻¹W once, WᵀD⁻¹ anew at every call. Tensors that the posterior lacks (a fresh head) have
/// N(0, 1).
/// </summary>
internal sealed class LowRankDensity : IDisposable
{
    private readonly List<Parameter> fitted = [];
    private readonly List<Parameter> fresh = [];
    private readonly Tensor mean;
    private readonly Tensor diagonal;
    private readonly Tensor factor;
    private readonly Tensor cholesky;

    /// <summary>Puts the posterior's tensors in the order of the parameters.</summary>
    /// <param name="posterior">The posterior.</param>
    /// <param name="parameters">The parameters by name.</param>
    public LowRankDensity(Posterior posterior, IReadOnlyList<(string Name, Parameter Tensor)> parameters)
    {
        var known = posterior.Parameters.ToDictionary(p => p.Name, StringComparer.Ordinal);
        var (means, diagonals, factors) = (new List<Tensor>(), new List<Tensor>(), new List<Tensor>());
        using var scope = NewDisposeScope();
        foreach (var (name, parameter) in parameters)
        {
            if (!known.TryGetValue(name, out var part) || part.Mean.Length != parameter.numel())
            {
                fresh.Add(parameter);
                continue;
            }
            fitted.Add(parameter);
            means.Add(tensor(part.Mean));
            diagonals.Add(tensor(part.Diagonal));
            factors.Add(tensor(part.Factor, [posterior.Metadata.Rank, part.Mean.Length]));
        }
        mean = cat(means).MoveToOuterDisposeScope();
        diagonal = cat(diagonals).MoveToOuterDisposeScope();
        factor = cat(factors, 1).t().contiguous().MoveToOuterDisposeScope();
        var capacitance = (factor.t() / diagonal).matmul(factor) + eye(posterior.Metadata.Rank);
        cholesky = linalg.cholesky(capacitance).MoveToOuterDisposeScope();
    }

    /// <summary>The log-density at the parameters' present values, a scalar with its graph for autograd.</summary>
    public Tensor LogDensity()
    {
        var difference = cat([.. fitted.Select(p => p.flatten())]) - mean;
        var product = (factor.t() / diagonal).mv(difference);
        var solved = linalg.solve_triangular(cholesky, product.unsqueeze(1), upper: false);
        var distance = (difference.pow(2) / diagonal).sum() - solved.pow(2).sum();
        foreach (var parameter in fresh)
            distance += parameter.pow(2).sum();
        return distance * -0.5;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        mean.Dispose();
        diagonal.Dispose();
        factor.Dispose();
        cholesky.Dispose();
    }
}
