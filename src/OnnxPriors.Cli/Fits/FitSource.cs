using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Training;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Data.Images;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Torch.Fitting;

namespace OnnxPriors.Cli.Fits;

/// <summary>The data of a fit beside the model it is for: which examples, how pictures are prepared, in which batches.</summary>
/// <param name="imported">The model.</param>
/// <param name="source">The model's file.</param>
/// <param name="settings">What the command line says of the data.</param>
/// <param name="opened">The data; it stays the caller's.</param>
/// <param name="view">The examples to fit on.</param>
/// <param name="batchSize">Examples a batch.</param>
/// <param name="seed">The seed of order and augmentation.</param>
internal sealed class FitSource(ImportedModel imported, Model source, DataSettings settings, IDataset opened, DatasetView view, int batchSize, ulong seed)
{
    private readonly Preprocessing? preprocessing = opened.Kind == ExampleKind.Pixels
        ? settings.PreprocessingFor(source.Metadata.GetValueOrDefault(MetadataKeys.Preprocess), ShapeOf(imported))
        : null;

    /// <summary>The examples to fit on.</summary>
    public DatasetView View => view;

    /// <summary>The batches of a fit.</summary>
    /// <param name="augmentation">How pictures are changed.</param>
    /// <param name="views">1, or 2 for self-supervised objectives.</param>
    /// <param name="shuffle">Whether each epoch has an order of its own.</param>
    public BatchStream Training(Augmentation augmentation, int views, bool shuffle) => Checked(new BatchStream(view, new BatchOptions
    {
        BatchSize = batchSize,
        Preprocessing = preprocessing,
        Augmentation = augmentation,
        Views = views,
        Shuffle = shuffle,
        Seed = seed,
        Threads = settings.Threads,
    }));

    /// <summary>Examples to measure on, in their order and unchanged.</summary>
    public BatchStream Measured(DatasetView examples) =>
        Checked(new BatchStream(examples, new BatchOptions { BatchSize = batchSize, Preprocessing = preprocessing, Threads = settings.Threads }));

    private BatchStream Checked(BatchStream stream)
    {
        ModelInput.CheckShape(stream, [.. imported.Graph.Inputs[0].Shape?.Select(d => d.Value) ?? []]);
        return stream;
    }

    private static List<long?> ShapeOf(ImportedModel imported) =>
        [.. (imported.Graph.Inputs[0].Shape ?? throw new FitException($"The input '{imported.Graph.Inputs[0].Name}' has no stated shape.")).Select(d => d.Value)];
}
