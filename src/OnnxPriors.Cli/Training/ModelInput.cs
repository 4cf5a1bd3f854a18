using System.Globalization;
using System.Text.Json;
using OnnxPriors.Artifacts;
using OnnxPriors.Cli.Datasets;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Data.Images;
using OnnxPriors.Importing;
using OnnxPriors.Objectives;
using Pictures = OnnxPriors.Data.Preprocessing;

namespace OnnxPriors.Cli.Training;

/// <summary>What a model wants of data: its input's shape, its preprocessing and its classes.</summary>
/// <param name="Shape">The input's dimensions, the batch first; null where any size will do.</param>
/// <param name="Metadata">What the model says about itself.</param>
/// <param name="Classes">The number of classes, where it is known.</param>
/// <param name="ClassNames">Their names, where they are known.</param>
internal sealed record ModelInput(
    IReadOnlyList<long?> Shape, IReadOnlyDictionary<string, string> Metadata, int? Classes, IReadOnlyList<string>? ClassNames)
{
    /// <summary>What the model predicts.</summary>
    public TaskChoice Task { get; init; } = TaskChoice.Classification;

    /// <summary>The element type of its input, in ONNX's lower-case words.</summary>
    public string Type { get; init; } = "float";

    /// <summary>The labels that masks may hold; null where there are none.</summary>
    public MaskLabels? Masks => Task.Kind() == LearningTask.Segmentation && Classes is { } classes ? new MaskLabels(classes, (byte)(Task.IgnoreIndex ?? 255)) : null;

    /// <summary>What data must say of its examples for a task.</summary>
    public static TargetKind TargetsOf(TaskChoice task) => task.Kind() switch
    {
        LearningTask.Segmentation => TargetKind.Mask,
        LearningTask.MultiLabel => TargetKind.Flags,
        LearningTask.Regression => TargetKind.Numbers,
        _ => TargetKind.Class,
    };

    /// <summary>What a step or a run wants.</summary>
    /// <exception cref="DataException">The model has several inputs.</exception>
    public static ModelInput Of(Manifest manifest)
    {
        if (manifest.Inputs.Count != 1)
            throw new DataException($"The model has {manifest.Inputs.Count} inputs; data of one input alone can be read.");
        return new ModelInput(
            [.. manifest.Inputs[0].Shape.Select(size => long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : (long?)null)],
            manifest.Preprocessing,
            manifest.Classes,
            manifest.ClassNames ?? NamesIn(manifest.Preprocessing))
        {
            Task = manifest.Task,
            Type = manifest.Inputs[0].Type,
        };
    }

    /// <summary>What a file wants, by its metadata.</summary>
    public static ModelInput Of(IReadOnlyList<int?> shape, IReadOnlyDictionary<string, string> metadata, int? classes) =>
        new([.. shape.Select(size => (long?)size)], metadata, classes, NamesIn(metadata)) { Task = TaskMetadata.Read(metadata) };

    /// <summary>The examples with the model's classes: by name where both name them, else by number.</summary>
    /// <exception cref="DataException">A class or a label is none of the model's.</exception>
    public DatasetView Fit(DatasetView view)
    {
        if (Task.Kind() != LearningTask.Classification)
            return view;
        var isNamed = view.ClassNames.Where((name, i) => name != i.ToString(CultureInfo.InvariantCulture)).Any();
        if (ClassNames is not null && isNamed)
            view = view.WithClasses(ClassNames);
        return Classes is { } classes ? view.RequireClasses(classes) : view;
    }

    /// <summary>How pictures are prepared; null for data that needs none.</summary>
    /// <exception cref="DataException">Nothing says how, or what is said does not fit the model.</exception>
    public Pictures? PreprocessingFor(IDataset source, DataSettings settings) =>
        source.Kind == ExampleKind.Pixels ? settings.PreprocessingFor(Metadata.GetValueOrDefault(Pictures.MetadataKey), Shape) : null;

    /// <summary>Batches to measure on, in the data's own order.</summary>
    public StreamSource Evaluation(DatasetView view, Pictures? preprocessing, int batch, int threads)
    {
        var options = new BatchOptions { BatchSize = batch, Preprocessing = preprocessing, Threads = threads };
        return Source(Fit(view), options);
    }

    /// <summary>Batches of examples that have the model's classes.</summary>
    /// <exception cref="DataException">The examples have another shape than the model's input.</exception>
    public StreamSource Source(DatasetView view, BatchOptions options)
    {
        options = options with { Masks = Masks };
        if (view.Source.TargetCount is > 0 and var count && Classes is { } wanted && count != wanted)
            throw new DataException($"'{view.Source.Name}' has {count} {(view.Source.Targets == TargetKind.Flags ? "labels" : "numbers")} for each example, and the model predicts {wanted}; bake with --classes {count}.");
        var stream = new BatchStream(view, options);
        CheckShape(stream, Shape);
        return new StreamSource(stream, options, inputType: Type);
    }

    /// <summary>Refuses examples that a model cannot take.</summary>
    /// <param name="stream">The examples.</param>
    /// <param name="shape">The model's input, the batch first; null where any size will do, empty where nothing is known.</param>
    /// <exception cref="DataException">The examples have another shape than the model's input.</exception>
    public static void CheckShape(BatchStream stream, IReadOnlyList<long?> shape)
    {
        var example = stream.ExampleShape;
        if (shape.Count == 0 || (shape.Count == example.Length + 1 && shape.Skip(1).Zip(example).All(p => p.First is not > 0 || p.First == p.Second)))
            return;
        var wanted = shape.Skip(1).Select(size => size?.ToString(CultureInfo.InvariantCulture) ?? "any");
        throw new DataException($"'{stream.View.Source.Name}' has examples of the shape [{string.Join(", ", example)}], and the model takes [{string.Join(", ", wanted)}]. Check the data, its columns and its preprocessing.");
    }

    private static string[]? NamesIn(IReadOnlyDictionary<string, string> metadata)
    {
        try
        {
            return metadata.TryGetValue(MetadataKeys.Classes, out var json) ? JsonSerializer.Deserialize(json, CliJson.Default.StringArray) : null;
        }
        catch (JsonException error)
        {
            throw new DataException($"The model's metadata '{MetadataKeys.Classes}' is not an array of names: {error.Message}", error);
        }
    }
}
