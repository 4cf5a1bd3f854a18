using System.CommandLine;
using System.Globalization;
using OnnxPriors.Cli.Engines;
using OnnxPriors.Normalization;

namespace OnnxPriors.Cli.Commands;

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
    }
}
