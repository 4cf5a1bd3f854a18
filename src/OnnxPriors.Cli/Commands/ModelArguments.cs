<<<<<<< HEAD
using System.CommandLine;
using System.Globalization;
using OnnxPriors.Cli.Engines;
=======
using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
>>>>>>> import
using OnnxPriors.Normalization;

namespace OnnxPriors.Cli.Commands;

<<<<<<< HEAD
/// <summary>The model that a verb takes, and the inputs of it that become constants.</summary>
internal sealed class ModelArguments
{
    private readonly Argument<string> model = new("MODEL") { Description = "The ONNX file." };
    private readonly Option<string[]> bind = new("--bind")
    {
        Description = "Makes an input a constant, such as rate=16000; may be given several times.",
        HelpName = "NAME=VALUE",
        DefaultValueFactory = _ => [],
    };

    /// <summary>Adds them to a verb's command.</summary>
    public void AddTo(Command command)
    {
        command.Add(model);
        command.Add(bind);
    }

    /// <summary>The model's file.</summary>
    public string Path(ParseResult given) => given.GetRequiredValue(model);

    /// <summary>The inputs that become constants.</summary>
    /// <exception cref="NormalizationException">A binding has another form than NAME=VALUE.</exception>
    public IReadOnlyList<InputBinding> Bindings(ParseResult given) => [.. given.GetValue(bind)!.Select(InputBinding.Parse)];

    /// <summary>Reads <c>NAME=2x3x48x192</c>.</summary>
    /// <exception cref="EngineException">The text has another form.</exception>
    public static (string Name, long[] Shape) Shape(string text)
    {
        var split = text.LastIndexOf('=');
        var sizes = split > 0 ? text[(split + 1)..].Split('x', ',').Select(s => long.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : -1).ToArray() : [-1];
        return sizes.All(s => s >= 0) ? (text[..split], sizes)
            : throw new EngineException($"'{text}' states no shape; write NAME=2x3x48x192.");
=======
/// <summary>The model a verb takes and how it is imported.</summary>
internal sealed class ModelArguments
{
    private readonly Argument<string> model = new("MODEL") { Description = "The ONNX file." };
    private readonly Option<string[]> bind = new("--bind") { Description = "Makes an input a constant: rate=16000. Repeatable.", HelpName = "NAME=VALUE", DefaultValueFactory = _ => [] };
    private readonly Option<string[]> shape = new("--shape") { Description = "Fixes an input's shape: input=1x3x224x224; a word stands for a size that stays open. Repeatable.", HelpName = "NAME=DIMS", DefaultValueFactory = _ => [] };
    private readonly Option<int?> imageSize = new("--image-size") { Description = "Fixes height and width of images, in pixels.", HelpName = "S" };
    private readonly Option<string?> features = new("--features") { Description = "The value that holds the features. Default: what goes into the last layer.", HelpName = "VALUE" };
    private readonly Option<string?> output = new("--output-name") { Description = "The output that holds the class scores, where there are several.", HelpName = "NAME" };

    /// <summary>Adds the arguments.</summary>
    public void Declare(Command command)
    {
        command.Add(model);
        command.Add(features);
        command.Add(output);
        command.Add(bind);
        command.Add(shape);
        command.Add(imageSize);
    }

    /// <summary>The model's path.</summary>
    public string Path(ParseResult given) => given.GetRequiredValue(model);

    /// <summary>How it is imported.</summary>
    public ImportOptions Read(ParseResult given) => new()
    {
        Features = given.GetValue(features),
        Output = given.GetValue(output),
        Bindings = [.. given.GetRequiredValue(bind).Select(InputBinding.Parse)],
        InputShapes = given.GetRequiredValue(shape).Select(ParseShape).ToImmutableSortedDictionary(StringComparer.Ordinal),
        ImageSize = given.GetValue(imageSize),
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
>>>>>>> import
    }
}
