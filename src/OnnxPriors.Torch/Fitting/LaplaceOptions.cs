using System.Text.Json;
using System.Text.Json.Nodes;

namespace OnnxPriors.Torch.Fitting;

/// <summary>The hyperparameters of <see cref="LaplaceFit"/>.</summary>
public sealed record LaplaceOptions
{
    /// <summary>Which curvature.</summary>
    public CurvatureKind Curvature { get; init; } = CurvatureKind.Fisher;

    /// <summary>
    /// S, the backward passes that estimate an example's curvature. For <see cref="CurvatureKind.Fisher"/> at least 1, by default 1; for
    /// <see cref="CurvatureKind.GaussNewton"/> 0, the default, is exact and takes one pass a class. The empirical Fisher takes none.
    /// </summary>
    public int? Samples { get; init; }

    /// <summary>τ, the precision of the weights' own prior: the variance is 1/(N·curvature + τ). Above 0.</summary>
    public double PriorPrecision { get; init; } = 1;

    /// <summary>The seed of the labels and signs that are drawn.</summary>
    public ulong Seed { get; init; }

    /// <summary>The parameters to fit, by name; by default all that the logits depend on.</summary>
    public IReadOnlyCollection<string>? Parameters { get; init; }

    internal int EffectiveSamples => Samples ?? (Curvature == CurvatureKind.Fisher ? 1 : 0);

    /// <summary>The method as files and the command line write it.</summary>
    public string Method => Curvature switch
    {
        CurvatureKind.Fisher => "laplace-fisher",
        CurvatureKind.EmpiricalFisher => "laplace-empirical",
        _ => "laplace-ggn",
    };

    /// <summary>Refuses values that cannot give a posterior.</summary>
    /// <exception cref="FitException">One is out of its range.</exception>
    public void Validate()
    {
        if (!double.IsFinite(PriorPrecision) || PriorPrecision <= 0)
            throw new FitException(FormattableString.Invariant($"The prior precision is {PriorPrecision}; it must be a finite number above 0, or weights of no curvature have no variance."));
        if (EffectiveSamples < 0 || (Curvature == CurvatureKind.Fisher && EffectiveSamples == 0))
            throw new FitException($"The number of samples an example is {EffectiveSamples}; {Method} needs {(Curvature == CurvatureKind.Fisher ? "1" : "0")} or more.");
        if (Curvature == CurvatureKind.EmpiricalFisher && Samples is not null)
            throw new FitException("The empirical Fisher takes the data's own labels and draws nothing; leave the number of samples out.");
    }

    /// <summary>The hyperparameters as a JSON object, for the prior's metadata.</summary>
    public string ToJson() => new JsonObject
    {
        ["objective"] = "cross-entropy",
        ["curvature"] = Curvature switch { CurvatureKind.Fisher => "fisher", CurvatureKind.EmpiricalFisher => "empirical-fisher", _ => "gauss-newton" },
        ["samplesPerExample"] = EffectiveSamples,
        ["priorPrecision"] = PriorPrecision,
    }.ToJsonString(JsonSerializerOptions.Default);
}
