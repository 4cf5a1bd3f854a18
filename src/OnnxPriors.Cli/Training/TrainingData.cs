using OnnxPriors.Data;
using OnnxPriors.Data.Batches;

namespace OnnxPriors.Cli.Training;

/// <summary>The data of a run, opened and divided; pictures are kept decoded as far as a gigabyte goes.</summary>
internal sealed class TrainingData : IDisposable
{
    private readonly List<IDataset> sources = [];

    private TrainingData(RunOrigin origin, ModelInput input)
    {
        Input = input;
        var source = Open(origin.Data, origin.LabelColumn);
        Source = source;
        var splits = DatasetSplits.Of(source, origin.Splits());
        Train = input.Fit(splits.Train);
        HeldOut = input.Fit(splits.HeldOut);
        Test = input.Fit(splits.Test);
        Validation = input.Fit(origin.ValidationData is { } other ? DatasetView.All(Open(other, origin.LabelColumn)) : splits.Validation);
    }

    /// <summary>What the model wants.</summary>
    public ModelInput Input { get; }

    /// <summary>The training data's source.</summary>
    public IDataset Source { get; }

    /// <summary>What trains.</summary>
    public DatasetView Train { get; }

    /// <summary>What chooses the best epoch; may be empty.</summary>
    public DatasetView Validation { get; }

    /// <summary>What could train and was not drawn.</summary>
    public DatasetView HeldOut { get; }

    /// <summary>The source's own test part; may be empty.</summary>
    public DatasetView Test { get; }

    /// <summary>Opens a run's data.</summary>
    /// <param name="origin">Where it is and how it is divided.</param>
    /// <param name="input">What the model wants.</param>
    /// <exception cref="DataException">The data cannot be read or divided so.</exception>
    public static TrainingData Open(RunOrigin origin, ModelInput input) => new(origin, input);

    /// <summary>The batches that train.</summary>
    public StreamBatches TrainBatches(Preprocessing? preprocessing, Augmentation augmentation, int batch, ulong seed, int threads) => new(
        Train,
        new BatchOptions { BatchSize = batch, Preprocessing = preprocessing, Augmentation = augmentation, Shuffle = true, Seed = seed, Threads = threads });

    /// <summary>Closes the sources.</summary>
    public void Dispose() => sources.ForEach(source => source.Dispose());

    private CachedDataset Open(string path, string? labelColumn)
    {
        var source = new CachedDataset(DataSource.Open(path, new DataSourceOptions { LabelColumn = labelColumn }));
        sources.Add(source);
        return source;
    }
}
