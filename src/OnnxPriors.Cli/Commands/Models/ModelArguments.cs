using System.CommandLine;
using OnnxPriors.Importing;

namespace OnnxPriors.Cli.Commands.Models;

/// <summary>The model a verb takes and how it is imported.</summary>
internal sealed class ModelArguments
{
    private readonly ModelFileArguments file = new();
    private readonly Option<int?> imageSize = new("--image-size") { Description = "Fixes height and width of images, in pixels.", HelpName = "S" };
    private readonly Option<string?> features = new("--features") { Description = "The value that holds the features. Default: what goes into the last layer.", HelpName = "VALUE" };
    private readonly Option<string?> output = new("--output-name") { Description = "The output that holds the class scores, where there are several.", HelpName = "NAME" };

    /// <summary>Adds the arguments.</summary>
    public void Declare(Command command)
    {
        file.Declare(command);
        command.Add(features);
        command.Add(output);
        command.Add(imageSize);
    }

    /// <summary>The model's path.</summary>
    public string Path(ParseResult given) => file.Path(given);

    /// <summary>How it is imported.</summary>
    public ImportOptions Read(ParseResult given) => file.Read(given) with
    {
        Features = given.GetValue(features),
        Output = given.GetValue(output),
        ImageSize = given.GetValue(imageSize),
    };
}
