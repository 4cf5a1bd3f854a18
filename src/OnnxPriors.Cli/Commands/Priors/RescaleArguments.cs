using System.CommandLine;
using OnnxPriors.Priors;

namespace OnnxPriors.Cli.Commands.Priors;

/// <summary>The options that make <see cref="RescaleOptions"/>, alike wherever a prior is rescaled.</summary>
internal sealed class RescaleArguments
{
    public static readonly string[] Scalings = ["exact", "official", "official-unscaled"];

    private readonly Option<double> _scale;
    private readonly Option<double> _epsilon;
    private readonly Option<int?> _rank;
    private readonly Option<string> _scaling;

    /// <param name="epsilon">ε where none is given.</param>
    public RescaleArguments(double epsilon = 0)
    {
        _scale = new("--scale") { Description = "λ, what the covariance is multiplied by; above 0", DefaultValueFactory = _ => 1, HelpName = "L" };
        _epsilon = new("--epsilon") { Description = "ε, added to the rescaled diagonal and not scaled itself; 0 or above", DefaultValueFactory = _ => epsilon, HelpName = "E" };
        _rank = new("--rank") { Description = "how many columns of the factor to keep, the first ones, renormalised; 2 or more (default: all)", HelpName = "N" };
        _scaling = new("--scaling")
        {
            Description = "exact: λD + ε and √λ W; official: λD + ε and λW, as the paper's code; official-unscaled: λD + ε and W",
            DefaultValueFactory = _ => "exact",
        };
        _scaling.AcceptOnlyFromAmong(Scalings);
    }

    public void AddTo(Command command)
    {
        command.Add(_scale);
        command.Add(_epsilon);
        command.Add(_rank);
        command.Add(_scaling);
    }

    public RescaleOptions Read(ParseResult result) => new()
    {
        Scale = result.GetValue(_scale),
        Epsilon = result.GetValue(_epsilon),
        Rank = result.GetValue(_rank),
        Scaling = (PriorScaling)Array.IndexOf(Scalings, result.GetValue(_scaling)),
    };
}
