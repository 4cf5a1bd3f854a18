using System.Collections.Immutable;
using OnnxPriors.Artifacts;
using OnnxPriors.Priors;

namespace OnnxPriors.Cli.Experiments.Definition;

/// <summary>One way of using a source model.</summary>
/// <param name="Name">Its name in files.</param>
/// <param name="Title">Its name in prose.</param>
/// <param name="Prior">The prior on the features.</param>
internal sealed record Method(string Name, string Title, PriorKind Prior)
{
    /// <summary>The name of the linear probe.</summary>
    public const string LinearProbe = "linear-probe";

    /// <summary>The name of the method that others are compared with: L2-SP.</summary>
    public const string Reference = "isotropic";

    /// <summary>Every method there is.</summary>
    public static ImmutableArray<Method> All { get; } =
    [
        new(LinearProbe, "Linear probe", PriorKind.None) { TrainsHeadAlone = true },
        new("none", "No prior", PriorKind.None),
        new("zero", "L2", PriorKind.Zero),
        new(Reference, "L2-SP", PriorKind.Isotropic),
        new("learned-diagonal", "Learned, diagonal", PriorKind.Learned) { Shape = PriorShape.Diagonal },
        new("learned", "Learned", PriorKind.Learned),
        new("permuted", "Learned, permuted", PriorKind.Learned) { Shape = PriorShape.Permuted },
    ];

    /// <summary>Whether only the head trains.</summary>
    public bool TrainsHeadAlone { get; init; }

    /// <summary>What of a learned covariance goes into the prior; permuted is the control of its shape.</summary>
    public PriorShape Shape { get; init; }

    /// <summary>Whether it needs a posterior.</summary>
    public bool NeedsPosterior => Prior == PriorKind.Learned;

    /// <summary>Whether it has a strength to tune.</summary>
    public bool HasStrength => Prior != PriorKind.None;
}
