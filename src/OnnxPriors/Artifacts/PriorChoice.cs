using OnnxPriors.Priors;

namespace OnnxPriors.Artifacts;

/// <summary>What the features' prior is; the head's is isotropic around zero in every kind but none.</summary>
public enum PriorKind
{
    /// <summary>A fitted posterior, rescaled.</summary>
    Learned,

    /// <summary>N(source weights, λ I).</summary>
    Isotropic,

    /// <summary>N(0, λ I): weight decay.</summary>
    Zero,

    /// <summary>No prior, for the head neither.</summary>
    None,
}

/// <summary>The prior to bake.</summary>
public sealed record PriorChoice
{
    /// <summary>What the features' prior is.</summary>
    public required PriorKind Kind { get; init; }

    /// <summary>The prior file, for <see cref="PriorKind.Learned"/>.</summary>
    public string? Path { get; init; }

    /// <summary>How the posterior is rescaled. For an isotropic or zero-mean prior its λ is the variance σ² itself, and the rest is unused.</summary>
    public RescaleOptions Rescaling { get; init; } = new();

    /// <summary>The variance of the new head's prior, isotropic around zero.</summary>
    public double HeadVariance { get; init; } = 1;

    /// <summary>What of the learned covariance goes into the prior.</summary>
    public PriorShape Shape { get; init; }

    /// <summary>The seed of <see cref="PriorShape.Permuted"/>.</summary>
    public ulong PermutationSeed { get; init; }

    /// <summary>How an update takes the prior: what <c>prior.bin</c> holds follows from it.</summary>
    public PriorStep Step { get; init; }

    /// <summary>Whether training is to learn λ and the head's variance (<see cref="EvidenceBound"/>); under the proximal step alone.</summary>
    public bool LearnsScale { get; init; }

    /// <summary>Whether a prior file may have been fitted to another file than the model's, of the same tensors.</summary>
    public bool AllowOtherSource { get; init; }

    /// <summary>Refuses numbers out of their range, whether or not this kind of prior uses them; the rank to keep is checked against the file's.</summary>
    /// <exception cref="InvalidPriorException">Options do not go together, λ or the head's variance is not above 0, ε is negative, or one is not finite.</exception>
    public void Check()
    {
        (Rescaling with { Rank = null }).Check(0);
        if (!double.IsFinite(HeadVariance) || HeadVariance <= 0)
            throw new InvalidPriorException(FormattableString.Invariant($"The variance of the head's prior is {HeadVariance}; it must be a finite number above 0."));
        if (Kind != PriorKind.Learned && Shape != PriorShape.Full)
            throw new InvalidPriorException($"The shape {ShapeName} is one of a learned prior; a prior of the kind {KindName} has none.");
        if (LearnsScale && (Kind == PriorKind.None || Step != PriorStep.Proximal))
            throw new InvalidPriorException("The scale of a prior is learned under the proximal step; bake with a prior, --optimizer sgd and --prior-step proximal.");
        if (LearnsScale && Rescaling.Scaling != PriorScaling.Exact)
            throw new InvalidPriorException($"A scale that is learned multiplies the whole covariance, which --scaling {Rescaling.ScalingName} does not; leave it at exact.");
    }

    /// <summary>The shape as the manifest and the command line write it.</summary>
    public string ShapeName => Shape switch
    {
        PriorShape.Diagonal => "diagonal",
        PriorShape.Permuted => "permuted",
        _ => "full",
    };

    /// <summary>The kind as the manifest and the command line write it.</summary>
    public string KindName => Kind switch
    {
        PriorKind.Learned => "learned",
        PriorKind.Isotropic => "isotropic",
        PriorKind.Zero => "zero",
        _ => "none",
    };
}
