namespace OnnxPriors.Priors;

/// <summary>How the factor λ reaches the covariance.</summary>
public enum PriorScaling
{
    /// <summary>The covariance is multiplied: diagonal λD + ε, factor √λ W.</summary>
    Exact,

    /// <summary>The paper's code with scaled low rank: diagonal λD + ε, factor λW, so the low-rank part grows with λ².</summary>
    Official,

    /// <summary>The paper's code without scaled low rank: diagonal λD + ε, factor W.</summary>
    OfficialUnscaled,
}

/// <summary>
/// How a posterior becomes a prior (Shwartz-Ziv et al., 'Pre-Train Your Loss', NeurIPS 2022, section 3.2): the covariance is rescaled by λ,
/// since the posterior of the source task is too confident for the downstream one.
/// </summary>
public sealed record RescaleOptions
{
    /// <summary>λ, above 0.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>ε, added to the rescaled diagonal and not scaled itself; 0 or more.</summary>
    public double Epsilon { get; init; }

    /// <summary>
    /// n, how many of the factor's K columns to keep, null for all: 0 (diagonal alone), or 2 to K. The first n are kept, as in the paper's
    /// code. Where the columns are deviations (<see cref="PosteriorForm.Swag"/>) they are multiplied by √((K − 1)/(n − 1)), so that W stays
    /// deviations / √(2(n − 1)) and the covariance keeps its size. Principal directions, which are the largest first, and the paper's
    /// own form are kept as they are; of principal directions one may be kept too.
    /// </summary>
    public int? Rank { get; init; }

    /// <summary>How λ reaches the covariance.</summary>
    public PriorScaling Scaling { get; init; } = PriorScaling.Exact;

    /// <summary>The scaling as files and the command line write it: <c>exact</c>, <c>official</c> or <c>official-unscaled</c>.</summary>
    public string ScalingName => Scaling switch
    {
        PriorScaling.Official => "official",
        PriorScaling.OfficialUnscaled => "official-unscaled",
        _ => "exact",
    };

    /// <summary>Checks the options against a posterior's rank.</summary>
    /// <param name="rank">K, the posterior's rank.</param>
    /// <exception cref="InvalidPriorException">λ not above 0, ε negative, either not finite, or a rank to keep that is none of 0, 2 … K.</exception>
    /// <param name="form">What the columns are.</param>
    public void Check(int rank, PosteriorForm form = PosteriorForm.Swag)
    {
        if (!double.IsFinite(Scale) || Scale <= 0)
            throw new InvalidPriorException(FormattableString.Invariant($"The prior's scale λ is {Scale}; it must be a finite number above 0."));
        if (!double.IsFinite(Epsilon) || Epsilon < 0)
            throw new InvalidPriorException(FormattableString.Invariant($"The prior's ε is {Epsilon}; it must be a finite number, 0 or above."));
        var least = form.HasDeviations() ? 2 : 1;
        if (Rank is { } keep && keep != 0 && (keep < least || keep > rank))
            throw new InvalidPriorException($"The rank to keep is {keep}; the posterior has rank {rank}, so it must be 0 (diagonal alone){(rank >= least ? $" or {least} to {rank}" : "")}.");
        if (!Enum.IsDefined(Scaling))
            throw new InvalidPriorException($"The scaling {Scaling} is unknown; use exact, official or official-unscaled.");
    }

    /// <summary>How many columns remain of <paramref name="rank"/>.</summary>
    public int KeptRank(int rank) => Rank ?? rank;

    /// <summary>What the kept columns of W are multiplied by.</summary>
    /// <param name="rank">K, the posterior's rank.</param>
    /// <param name="form">What the columns are.</param>
    public double FactorScale(int rank, PosteriorForm form = PosteriorForm.Swag)
    {
        var kept = KeptRank(rank);
        var renormalised = kept == rank || kept == 0 || form != PosteriorForm.Swag ? 1 : Math.Sqrt((rank - 1.0) / (kept - 1));
        return renormalised * Scaling switch
        {
            PriorScaling.Exact => Math.Sqrt(Scale),
            PriorScaling.Official => Scale,
            _ => 1,
        };
    }
}
