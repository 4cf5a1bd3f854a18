using OnnxPriors.Data;

namespace OnnxPriors.Cli.Datasets;

/// <summary>Which data, and how it is prepared, as <see cref="DataOptions"/> read it.</summary>
internal sealed record DataSettings
{
    public required string Path { get; init; }

    public string? LabelColumn { get; init; }

    /// <summary>What is looked for as the examples' targets: what the model's task needs.</summary>
    public TargetKind Targets { get; init; }

    public string? Preset { get; init; }

    public int? ImageSize { get; init; }

    public int? Resize { get; init; }

    public CropMode? Crop { get; init; }

    public ChannelOrder? Channels { get; init; }

    public PixelScale? Scale { get; init; }

    public IReadOnlyList<float>? Mean { get; init; }

    public IReadOnlyList<float>? Deviation { get; init; }

    public double? ValidationShare { get; init; }

    public int? ExamplesPerClass { get; init; }

    public Augmentation Augmentation { get; init; } = Augmentation.None;

    public DataPart? Part { get; init; }

    public int Threads { get; init; }

    public long CacheBytes { get; init; } = 1L << 30;

    /// <summary>Opens the source, with its cache.</summary>
    /// <param name="unlabelled">Whether folders of pictures need no class folders.</param>
    /// <exception cref="DataException">The source cannot be used.</exception>
    public IDataset Open(bool unlabelled = false) =>
        new CachedDataset(DataSource.Open(Path, new DataSourceOptions { LabelColumn = LabelColumn, Targets = Targets, Unlabelled = unlabelled }), CacheBytes);

    /// <summary>Divides the source for training.</summary>
    /// <exception cref="DataException">It cannot be divided so.</exception>
    public DatasetSplits Split(IDataset source, ulong seed) =>
        DatasetSplits.Of(source, new SplitOptions { ValidationShare = ValidationShare, ExamplesPerClass = ExamplesPerClass, Seed = seed });

    /// <summary>The part to measure on: as <c>--split</c> says, else the test data, else, in a source that is not divided, all.</summary>
    /// <exception cref="DataException">The source has no such part.</exception>
    public DatasetView Measured(IDataset source)
    {
        var view = Part switch
        {
            DataPart.All => DatasetView.All(source),
            DataPart.Train => DatasetView.Of(source, DataSplit.Train),
            DataPart.Validation => DatasetView.Of(source, DataSplit.Validation),
            DataPart.Test => DatasetView.Of(source, DataSplit.Test),
            _ => DatasetView.Of(source, DataSplit.Test) is { Count: > 0 } test ? test : DatasetView.All(source),
        };
        return view.Count > 0 ? view : throw new DataException($"'{source.Name}' has no {Part?.ToString().ToLowerInvariant()} part. Leave --split out, or choose another.");
    }

    /// <summary>
    /// How pictures are prepared for a model: the preset, else the model's metadata, then what single options say, then the model's
    /// channels and size.
    /// </summary>
    /// <param name="metadata">The model's metadata entry <see cref="Preprocessing.MetadataKey"/>, where it has one.</param>
    /// <param name="inputShape">The model's input, [batch, C, H, W]; null or a value below 1 where a size is free.</param>
    /// <exception cref="DataException">Nothing says how pictures are prepared, or what is said does not fit the model.</exception>
    public Preprocessing PreprocessingFor(string? metadata, IReadOnlyList<long?> inputShape)
    {
        if (inputShape.Count != 4)
            throw new DataException($"The model's input has {inputShape.Count} axes; pictures need four, [batch, channels, height, width].");
        var preprocessing = Preset is not null ? Preprocessing.Preset(Preset)
            : metadata is not null ? Preprocessing.FromJson(metadata)
            : IsSaid ? new Preprocessing()
            : throw new DataException(
                $"Nothing says how the model wants pictures prepared: its metadata lacks '{Preprocessing.MetadataKey}'. Give --preprocess {string.Join('|', Preprocessing.PresetNames)}, or --pixel-scale, --channels, --mean and --std.");
        if (Channels is { } channels)
            preprocessing = preprocessing with { Channels = channels };
        preprocessing = preprocessing with
        {
            Crop = Crop ?? preprocessing.Crop,
            Scale = Scale ?? preprocessing.Scale,
            Mean = Mean ?? preprocessing.Mean,
            Deviation = Deviation ?? preprocessing.Deviation,
        };
        if (ImageSize is { } size)
            preprocessing = preprocessing.WithSize(size, size);
        if (Known(inputShape[1]) is { } modelChannels)
            preprocessing = preprocessing.FittedTo(modelChannels, Known(inputShape[2]), Known(inputShape[3]));
        if (Resize is { } resize)
            preprocessing = preprocessing with { Resize = resize == 0 ? null : resize };
        if (ImageSize is { } wanted && preprocessing.Size != new ImageSize(wanted, wanted))
            throw new DataException($"--image-size {wanted} does not fit the model, which takes {preprocessing.Size?.Height} × {preprocessing.Size?.Width} pixels.");
        return preprocessing.Checked();
    }

    private bool IsSaid => Channels is not null || Scale is not null || Mean is not null || Deviation is not null;

    private static int? Known(long? length) => length is > 0 and <= int.MaxValue ? (int)length : null;
}
