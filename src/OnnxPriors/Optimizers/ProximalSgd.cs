using OnnxPriors.Graphs;

namespace OnnxPriors.Optimizers;

/// <summary>
/// Stochastic gradient descent whose prior N(μ, Σ), Σ = D + WWᵀ, is taken by its proximal map: the data's gradient g at θ, the prior's at
/// the next θ, both through the one momentum buffer m. With δ = θ − μ, learning rate η, momentum β and prior weight w:
/// <code>
/// v  = δ − η(β m + g)              t = η w            (heavy ball)
/// v  = δ − η((1 + β) g + β² m)     t = η(1 + β) w     (Nesterov)
/// δ⁺ = argmin ½‖δ − v‖² + t/2 δᵀΣ⁻¹δ
/// m⁺ = β m + g + w Σ⁻¹δ⁺
/// </code>
/// That is PyTorch's SGD with the prior's gradient Σ⁻¹δ at the end of the step rather than its beginning (for the heavy ball at a constant
/// rate iPiano: Ochs, Chen, Brox, Pock, SIAM J. Imaging Sciences 2014). It rests where g + wΣ⁻¹δ = 0, whatever the momentum. With momentum on
/// the data's gradient alone it would rest where g + (1 − β)wΣ⁻¹δ = 0: a prior of a tenth the weight at β = 0.9.
/// <para>
/// The map in closed form, with A = D + tI and M = I + WᵀA⁻¹W by Woodbury's identity:
/// <code>
/// z = M⁻¹WᵀA⁻¹v     Σ⁻¹δ⁺ = A⁻¹(v − Wz)     δ⁺ = v − tA⁻¹(v − Wz) = A⁻¹(Dv + tWz)
/// </code>
/// The last form subtracts nothing: δ⁺ keeps its digits where t is far above D, and is 0 where D and W are.
/// </para>
/// </summary>
internal static class ProximalSgd
{
    // Above what float32 divides by without overflow, below any variance of use: with no prior weight A is D, which may be 0.
    private const double SmallestA = 1e-30;

    /// <summary>Adds one update to a graph.</summary>
    /// <param name="b">The graph.</param>
    /// <param name="nesterov">Whether the momentum is Nesterov's.</param>
    /// <param name="step">What the update starts from; its gradient is the data's, its one state m and its one scalar β.</param>
    /// <param name="prior">The prior.</param>
    public static ProximalUpdate Apply(GraphBuilder b, bool nesterov, UpdateStep step, ProximalInputs prior)
    {
        var (g, m, beta) = (step.Gradient, step.States[0], step.Scalars[0]);
        var carried = beta * m + g;
        var lead = nesterov ? g + beta * carried : carried;
        var v = step.Theta - prior.Mean - step.LearningRate * lead;
        var t = (nesterov ? step.LearningRate * (1 + beta) : step.LearningRate) * prior.Weight;
        var a = b.Max(prior.Variance + t, b.Scalar(SmallestA));
        var slope = v / a;
        var delta = prior.Variance * slope;
        if (prior.Factor is { } factor)
        {
            var z = b.MatMul(b.Gemm(b.Reshape(slope, 1, -1), factor, transposeB: true), prior.Inverse!);
            var along = b.Reshape(b.MatMul(z, factor), -1);
            slope = (v - along) / a;
            delta = (prior.Variance * v + t * along) / a;
        }
        return new(prior.Mean + delta, carried + prior.Weight * slope, delta, slope);
    }
}

/// <summary>A proximal prior's inputs in a graph.</summary>
/// <param name="Mean">μ [P].</param>
/// <param name="Variance">D [P], 0 or above.</param>
/// <param name="Factor">W [K, P], or null where the covariance is diagonal.</param>
/// <param name="Inverse">M⁻¹ [K, K], beside a factor.</param>
/// <param name="Weight">w, [] or one for each coordinate [P].</param>
internal sealed record ProximalInputs(Value Mean, Value Variance, Value? Factor, Value? Inverse, Value Weight);

/// <summary>What a proximal update gives.</summary>
/// <param name="Theta">The next θ [P].</param>
/// <param name="Buffer">The next m [P].</param>
/// <param name="Delta">δ⁺ [P], the next θ's distance from μ.</param>
/// <param name="Slope">Σ⁻¹δ⁺ [P].</param>
internal sealed record ProximalUpdate(Value Theta, Value Buffer, Value Delta, Value Slope);
