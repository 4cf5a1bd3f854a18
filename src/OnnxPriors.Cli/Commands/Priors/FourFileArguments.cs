using System.CommandLine;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;

namespace OnnxPriors.Cli.Commands.Priors;

/// <summary>What <c>prior import</c> and <c>prior export</c> share: the model the prior is for, and the name that the files begin with.</summary>
internal sealed class FourFileArguments
{
    private readonly Option<string> model = new("--model") { Description = "The ONNX file of the source model; its parameters' names must be the state dictionary's.", Required = true, HelpName = "MODEL" };
    private readonly Option<string?> name = new("--name") { Description = "What the files' names begin with. Default: the one there is, or prior.", HelpName = "NAME" };
    private readonly Option<string?> features = new("--features") { Description = "The value that holds the features. Default: what goes into the last layer.", HelpName = "VALUE" };
    private readonly Option<string?> scores = new("--output-name") { Description = "The output that holds the class scores, where there are several.", HelpName = "NAME" };

    /// <summary>Adds the options.</summary>
    public void Declare(Command command)
    {
        foreach (var option in (Option[])[model, name, features, scores])
            command.Add(option);
    }

    /// <summary>The name that was given, or null.</summary>
    public string? Name(ParseResult given) => given.GetValue(name);

    /// <summary>The model, imported with its own head, or as it is where it has none.</summary>
    public ImportedModel Model(ParseResult given)
    {
        var options = new ImportOptions { Form = ImportForm.OwnHead, Features = given.GetValue(features), Output = given.GetValue(scores) };
        return ModelImporter.Import(OnnxFile.Load(given.GetRequiredValue(model)), options);
    }

    /// <summary>The names of the parameters behind the features: those of the model's own head.</summary>
    public static IReadOnlySet<string> Head(ImportedModel model) =>
        model.Trainable.Where(tensor => tensor.Part == ModelPart.Head).Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
}
