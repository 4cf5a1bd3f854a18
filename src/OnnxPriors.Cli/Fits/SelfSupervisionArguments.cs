using System.CommandLine;
using OnnxPriors.Data;
using OnnxPriors.Torch.Fitting;

namespace OnnxPriors.Cli.Fits;

/// <summary>The options of the self-supervised objectives, as <c>fit</c> takes them.</summary>
internal sealed class SelfSupervisionArguments
{
    private static readonly SelfSupervisionOptions Defaults = new();

    private readonly Option<double> temperature = new("--temperature") { Description = "τ of simclr's NT-Xent.", DefaultValueFactory = _ => Defaults.Temperature, HelpName = "T" };
    private readonly Option<double> redundancy = new("--redundancy") { Description = "λ of barlow-twins.", DefaultValueFactory = _ => Defaults.Redundancy, HelpName = "L" };
    private readonly Option<int> projection = new("--projection") { Description = "The width of the projection on which views are compared.", DefaultValueFactory = _ => Defaults.Projection, HelpName = "D" };
    private readonly Option<int?> hidden = new("--projection-hidden") { Description = "The width of its hidden layer. Default: the features'.", HelpName = "H" };
    private readonly Option<double?> rate = new("--projection-rate") { Description = "The learning rate of the projection, which starts at random. Default: the model's.", HelpName = "R" };
    private readonly Option<double> jitter = new("--jitter") { Description = "How strongly the views' colours change, 0 to 1.25.", DefaultValueFactory = _ => new ColourAugmentation().Strength, HelpName = "S" };
    private readonly Option<double> area = new("--view-area") { Description = "The smallest part of a picture that a view shows, as a share of its area.", DefaultValueFactory = _ => Augmentation.Views.SmallestArea, HelpName = "A" };
    private readonly Option<int> neighbours = new("--neighbours") { Description = "Measures the features before and after by K nearest neighbours on labelled data; 0: does not.", HelpName = "K" };
    private readonly Option<string?> neighbourData = new("--neighbour-data") { Description = "The labelled data for it: neighbours are looked for in its training part, for its validation part or, without one, its test part. Default: --data.", HelpName = "SRC" };

    /// <summary>Every option, to add to a command and to find those that were given for another objective.</summary>
    public IReadOnlyList<Option> All => [temperature, redundancy, projection, hidden, rate, jitter, area, neighbours, neighbourData];

    /// <summary>The options as given.</summary>
    /// <exception cref="FitException">One is out of its range.</exception>
    public SelfSupervisionOptions Read(ParseResult given, ViewLoss loss, ulong seed)
    {
        if (given.GetValue(neighbours) < 0)
            throw new FitException($"--neighbours is {given.GetValue(neighbours)}, and must be 0 or more.");
        if (loss != ViewLoss.SimClr)
            GivenOptions.Refuse(given, [temperature], "This objective");
        if (loss != ViewLoss.BarlowTwins)
            GivenOptions.Refuse(given, [redundancy], "This objective");
        var options = new SelfSupervisionOptions
        {
            Loss = loss,
            Temperature = given.GetValue(temperature),
            Redundancy = given.GetValue(redundancy),
            Projection = given.GetValue(projection),
            Hidden = given.GetValue(hidden),
            Seed = seed,
        };
        options.Validate();
        return options;
    }

    /// <summary>The learning rate of the projection; null for the model's.</summary>
    public double? Rate(ParseResult given) => given.GetValue(rate);

    /// <summary>How views differ from the picture.</summary>
    public Augmentation Views(ParseResult given) =>
        Augmentation.Views with { SmallestArea = given.GetValue(area), Colour = Augmentation.Views.Colour! with { Strength = given.GetValue(jitter) } };

    /// <summary>K of the nearest neighbours; 0 where they are not asked for.</summary>
    public int Neighbours(ParseResult given) => given.GetValue(neighbours);

    /// <summary>The labelled data they are looked for in; null for the fit's own.</summary>
    public string? NeighbourData(ParseResult given) => given.GetValue(neighbourData);
}
