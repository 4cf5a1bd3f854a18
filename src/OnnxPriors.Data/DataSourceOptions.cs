namespace OnnxPriors.Data;

/// <summary>What a path alone does not say about a source.</summary>
public sealed record DataSourceOptions
{
    /// <summary>
    /// The CSV column of the labels; null: the one called label, class, target or y, else the only one that holds text, else the last.
    /// </summary>
    public string? LabelColumn { get; init; }

    /// <summary>What is looked for as the examples' targets.</summary>
    public TargetKind Targets { get; init; }

    /// <summary>Whether folders of pictures need no class folders: pictures lie anywhere, and all are of one class.</summary>
    public bool Unlabelled { get; init; }

    /// <summary>What files may ask of the machine.</summary>
    public DataLimits Limits { get; init; } = DataLimits.Default;
}
