using System.CommandLine;
using OnnxPriors.Torch.Fitting;

namespace OnnxPriors.Cli.Fits;

/// <summary>The options of the Laplace approximations, as <c>fit</c> takes them.</summary>
internal sealed class LaplaceArguments
{
    private readonly Option<double> precision = new("--prior-precision") { Description = "τ of a Laplace approximation: the variance is 1/(N·curvature + τ).", DefaultValueFactory = _ => 1, HelpName = "T" };
    private readonly Option<int?> samples = new("--curvature-samples") { Description = "Backward passes an example: laplace-fisher draws so many labels (1 by default), laplace-ggn so many random signs; 0, its default, is exact and takes a pass a class.", HelpName = "S" };

    /// <summary>Every option, to add to a command and to find those that were given for another method.</summary>
    public IReadOnlyList<Option> All => [precision, samples];

    /// <summary>The options as given.</summary>
    /// <exception cref="FitException">One is out of its range.</exception>
    public LaplaceOptions Read(ParseResult given, CurvatureKind kind)
    {
        var options = new LaplaceOptions { Curvature = kind, PriorPrecision = given.GetValue(precision), Samples = given.GetValue(samples) };
        options.Validate();
        return options;
    }
}
