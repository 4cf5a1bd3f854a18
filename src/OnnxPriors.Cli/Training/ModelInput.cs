using System.Globalization;
using System.Text.Json;
using OnnxPriors.Artifacts;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Data.Images;
using Pictures = OnnxPriors.Data.Preprocessing;

namespace OnnxPriors.Cli.Training;

/// <summary>What a model wants of data: its input's shape, its preprocessing and its classes.</summary>
/// <param name="Shape">The input's dimensions, the batch first; null where any size will do.</param>
/// <param name="Preprocessing">What its metadata says; null where it says nothing.</param>
/// <param name="Classes">The number of classes.</param>
/// <param name="ClassNames">Their names, where they are known.</param>
internal sealed record ModelInput(IReadOnlyList<int?> Shape, Pictures? Preprocessing, int? Classes, IReadOnlyList<string>? ClassNames)
{
    /// <summary>The metadata key of the classes' names, a JSON array.</summary>
    public const string ClassesKey = "onnxpriors.classes";

    /// <summary>What a step or a run wants.</summary>
    /// <exception cref="DataException">The model has several inputs.</exception>
    public static ModelInput Of(Manifest manifest)
    {
        if (manifest.Inputs.Count != 1)
            throw new DataException($"The model has {manifest.Inputs.Count} inputs; data of one input alone can be read.");
        return new ModelInput(
            [.. manifest.Inputs[0].Shape.Select(size => int.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : (int?)null)],
            PreprocessingOf(manifest.Preprocessing),
            manifest.Classes,
            manifest.ClassNames ?? ClassNamesOf(manifest.Preprocessing));
    }

    /// <summary>What a file wants, by its metadata.</summary>
    public static ModelInput Of(IReadOnlyList<int?> shape, IReadOnlyDictionary<string, string> metadata, int? classes) =>
        new(shape, PreprocessingOf(metadata), classes, ClassNamesOf(metadata));

    /// <summary>The examples with the model's classes.</summary>
    /// <exception cref="DataException">A class or a label is none of the model's.</exception>
    public DatasetView Fit(DatasetView view)
    {
        if (ClassNames is not null && IsNamed(view))
            view = view.WithClasses(ClassNames);
        return Classes is { } classes ? view.RequireClasses(classes) : view;
    }

    /// <summary>The preprocessing of pictures: what the user asks for, else what the metadata says, for the model's channels and size.</summary>
    /// <param name="source">The data.</param>
    /// <param name="preset">A preset's name, or null.</param>
    /// <param name="size">The pictures' height and width where the user asks for them.</param>
    /// <returns>The preprocessing; null for data that needs none.</returns>
    /// <exception cref="DataException">Nothing says how pictures are to be prepared.</exception>
    public Pictures? PreprocessingFor(IDataset source, string? preset, int? size)
    {
        if (source.Kind != ExampleKind.Pixels || Shape.Count != 4)
            return null;
        var chosen = (preset is null ? Preprocessing : Pictures.Preset(preset))
            ?? throw new DataException($"The model does not say how pictures are to be prepared; give --preprocess {string.Join('|', Pictures.PresetNames)}.");
        chosen = chosen.FittedTo(Shape[1] ?? chosen.ChannelCount, Shape[2], Shape[3]);
        return size is { } side ? chosen.WithSize(side, side) : chosen;
    }

    /// <summary>Batches to evaluate on, in the data's own order.</summary>
    public StreamBatches Evaluation(DatasetView view, Pictures? preprocessing, int batch, int threads) =>
        new(Fit(view), new BatchOptions { BatchSize = batch, Preprocessing = preprocessing, Threads = threads });

    private static bool IsNamed(DatasetView view) =>
        view.ClassNames.Where((name, i) => name != i.ToString(CultureInfo.InvariantCulture)).Any();

    private static Pictures? PreprocessingOf(IReadOnlyDictionary<string, string> metadata) =>
        metadata.TryGetValue(Pictures.MetadataKey, out var json) ? Pictures.FromJson(json) : null;

    private static string[]? ClassNamesOf(IReadOnlyDictionary<string, string> metadata)
    {
        try
        {
            return metadata.TryGetValue(ClassesKey, out var json) ? JsonSerializer.Deserialize(json, CliJson.Default.StringArray) : null;
        }
        catch (JsonException error)
        {
            throw new DataException($"The model's metadata '{ClassesKey}' is not an array of names: {error.Message}", error);
        }
    }
}
