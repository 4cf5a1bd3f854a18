using System.Text.Json.Serialization;

namespace OnnxPriors.Priors;

/// <summary>What the evidence bound needs of a part of the weights, whose prior is N(m, sΣ) with the scale s to be found.</summary>
/// <param name="Count">D, the number of weights.</param>
/// <param name="Trace">tr Σ⁻¹.</param>
/// <param name="LogDeterminant">log det Σ.</param>
public sealed record EvidenceGroup(long Count, double Trace, double LogDeterminant)
{
    /// <summary>s* = (σ² tr Σ⁻¹ + δᵀΣ⁻¹δ) / D, the scale with the least divergence; 1 where there is no weight.</summary>
    /// <param name="distance">δᵀΣ⁻¹δ, δ = θ − m.</param>
    /// <param name="sigma">σ, above 0.</param>
    public double BestScale(double distance, double sigma) => Count == 0 ? 1 : (sigma * sigma * Trace + distance) / Count;

    /// <summary>KL(N(θ, σ²I) ‖ N(m, sΣ)) = ½((σ² tr Σ⁻¹ + δᵀΣ⁻¹δ)/s − D + D log s + log det Σ − D log σ²).</summary>
    /// <param name="distance">δᵀΣ⁻¹δ, δ = θ − m.</param>
    /// <param name="sigma">σ, above 0.</param>
    /// <param name="scale">s, above 0.</param>
    public double Divergence(double distance, double sigma, double scale) =>
        0.5 * ((sigma * sigma * Trace + distance) / scale - Count + Count * Math.Log(scale) + LogDeterminant - 2 * Count * Math.Log(sigma));
}

/// <summary>
/// The data-emphasised evidence lower bound (Harvey, Petrov, Hughes, 'Learning Hyperparameters via a Data-Emphasized Variational Objective',
/// arXiv 2502.01861) of the posterior q = N(θ, σ²I) under the prior N(μ, λΣ) of the features and N(0, τΣₕ) of the head:
/// <code>
/// J = κ E_q[log p(data)] − KL_features − KL_head,   κ = D / N
/// </code>
/// D counts all weights that train, N the examples: a posterior with one σ for all of D weights pays for the D directions that the data say
/// nothing of, and without κ it would rather stay at the prior. For given θ and σ, J is largest at λ* and τ* in closed form
/// (<see cref="EvidenceGroup.BestScale"/>). With the mean loss of N examples, −J / (κN) = loss + KL / D.
/// </summary>
/// <param name="Features">The features' part.</param>
/// <param name="Head">The head's part.</param>
public sealed record EvidenceBound(EvidenceGroup Features, EvidenceGroup Head)
{
    /// <summary>D, all weights.</summary>
    [JsonIgnore]
    public long Count => Features.Count + Head.Count;

    /// <summary>J at λ and τ.</summary>
    /// <param name="meanLoss">The mean over the examples of E_q[−log p(y | x)], in nats.</param>
    /// <param name="distances">δᵀΣ⁻¹δ of the features and of the head.</param>
    /// <param name="sigma">σ, above 0.</param>
    /// <param name="scales">λ and τ.</param>
    public double Value(double meanLoss, (double Features, double Head) distances, double sigma, (double Features, double Head) scales) =>
        -Count * meanLoss - Features.Divergence(distances.Features, sigma, scales.Features) - Head.Divergence(distances.Head, sigma, scales.Head);

    /// <summary>∂(−J/(κN))/∂ log σ = slope + (σ²(tr Σ⁻¹/λ + tr Σₕ⁻¹/τ) − D)/D at fixed λ and τ; at λ* and τ* it is the whole derivative.</summary>
    /// <param name="noiseSlope">Σ g · σξ over the weights, g the mean loss's gradient at θ + σξ: the loss's derivative by log σ.</param>
    /// <param name="sigma">σ, above 0.</param>
    /// <param name="scales">λ and τ.</param>
    public double SlopeByLogSigma(double noiseSlope, double sigma, (double Features, double Head) scales) =>
        noiseSlope + (sigma * sigma * (Features.Trace / scales.Features + Head.Trace / scales.Head) - Count) / Count;
}
