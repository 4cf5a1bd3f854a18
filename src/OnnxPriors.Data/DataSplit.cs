namespace OnnxPriors.Data;

/// <summary>The part of a source that an example belongs to by the source's own division.</summary>
public enum DataSplit
{
    /// <summary>The source is not divided.</summary>
    None,
    /// <summary>For training.</summary>
    Train,
    /// <summary>For choosing: hyperparameters, when to stop.</summary>
    Validation,
    /// <summary>For the final measurement alone.</summary>
    Test,
}

/// <summary>The names that sources give their parts.</summary>
internal static class DataSplitNames
{
    /// <summary>The part a folder or array of this name holds, or null where the name is none of a part.</summary>
    public static DataSplit? Parse(string name) => name.ToLowerInvariant() switch
    {
        "train" or "training" => DataSplit.Train,
        "val" or "valid" or "validation" => DataSplit.Validation,
        "test" or "t10k" => DataSplit.Test,
        _ => null,
    };
}
