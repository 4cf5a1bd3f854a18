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

    /// <summary>Whether a prior file may have been fitted to another file than the model's, of the same tensors.</summary>
    public bool AllowOtherSource { get; init; }

    /// <summary>Refuses numbers out of their range, whether or not this kind of prior uses them; the rank to keep is checked against the file's.</summary>
    /// <exception cref="InvalidPriorException">λ or the head's variance is not above 0, ε is negative, or one is not finite.</exception>
    public void Check()
    {
        (Rescaling with { Rank = null }).Check(0);
        if (!double.IsFinite(HeadVariance) || HeadVariance <= 0)
            throw new InvalidPriorException(FormattableString.Invariant($"The variance of the head's prior is {HeadVariance}; it must be a finite number above 0."));
    }

    /// <summary>The kind as the manifest and the command line write it.</summary>
    public string KindName => Kind switch
    {
        PriorKind.Learned => "learned",
        PriorKind.Isotropic => "isotropic",
        PriorKind.Zero => "zero",
        _ => "none",
    };
}
