using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Normalization;

namespace OnnxPriors.Cli.Commands.Models;

/// <summary>The model file that a verb takes, and what of its inputs is fixed: the same for every verb that reads a model.</summary>
internal sealed class ModelFileArguments
{
    private readonly Argument<string> model = new("MODEL") { Description = "The ONNX file." };
    private readonly Option<string[]> bind = new("--bind") { Description = "Makes an input a constant: rate=16000. Repeatable.", HelpName = "NAME=VALUE", DefaultValueFactory = _ => [] };
    private readonly Option<string[]> shape = new("--shape") { Description = "Fixes an input's shape: input=1x3x224x224; a word stands for a size that stays open. Repeatable.", HelpName = "NAME=DIMS", DefaultValueFactory = _ => [] };

    private readonly Option<int> unroll = new("--unroll") { Description = "How many iterations of a Loop or Scan are written out at most.", HelpName = "N", DefaultValueFactory = _ => NormalizationOptions.DefaultUnrollLimit };

    /// <summary>Adds the arguments.</summary>
    public void Declare(Command command)
    {
        command.Add(model);
        command.Add(bind);
        command.Add(shape);
        command.Add(unroll);
    }

    /// <summary>The model's path.</summary>
    public string Path(ParseResult given) => given.GetRequiredValue(model);

    /// <summary>What of the inputs is fixed, as options of an import.</summary>
    /// <exception cref="NormalizationException">A binding or a shape has another form.</exception>
    public ImportOptions Read(ParseResult given) => new()
    {
        Bindings = [.. given.GetRequiredValue(bind).Select(InputBinding.Parse)],
        UnrollLimit = given.GetValue(unroll) is > 0 and var limit ? limit : throw new NormalizationException("--unroll takes a number of iterations from 1 on."),
        InputShapes = given.GetRequiredValue(shape).Select(ParseShape).ToImmutableSortedDictionary(StringComparer.Ordinal),
    };

    private static KeyValuePair<string, Shape> ParseShape(string text)
    {
        var split = text.LastIndexOf('=');
        var sizes = split <= 0 ? [] : text[(split + 1)..].Split('x', ',');
        if (sizes.Length == 0 || sizes.Any(s => s.Length == 0 || s[0] == '-'))
            throw new NormalizationException($"'{text}' is no shape; write NAME=DIMS, such as input=1x3x224x224.");
        return new(text[..split], new Shape(
        [
            .. sizes.Select(size => long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : Dimension.Symbolic(size)),
        ]));
    }
}
