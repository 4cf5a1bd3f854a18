namespace OnnxPriors.Artifacts;

/// <summary>What BatchNormalization normalises by in training.</summary>
public enum BatchNormalizationMode
{
    /// <summary>Its pretrained running statistics, which stay as they are; scale and shift train.</summary>
    Frozen,

    /// <summary>The batch's own statistics, with the running ones updated beside them; where neither scale nor shift trains it stays frozen.</summary>
    Batch,
}
