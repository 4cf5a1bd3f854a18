namespace OnnxPriors.Data.Batches;

/// <summary>How a <see cref="BatchStream"/> goes through its examples.</summary>
public sealed record BatchOptions
{
    /// <summary>The examples of a batch; the last batch of an epoch may have fewer.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>What pictures go through; null: <c>unit</c> at the pictures' own size. Tensors and features do not pass through it.</summary>
    public Preprocessing? Preprocessing { get; init; }

    /// <summary>Random changes to the pictures.</summary>
    public Augmentation Augmentation { get; init; } = Augmentation.None;

    /// <summary>The labels that masks may hold; needed where the source has masks.</summary>
    public MaskLabels? Masks { get; init; }

    /// <summary>
    /// How many views of each example a batch holds, 1 or 2, each changed by draws of its own: all first views stand before all second
    /// ones, so that a batch has twice <see cref="BatchSize"/> inputs and labels.
    /// </summary>
    public int Views { get; init; } = 1;

    /// <summary>Whether each epoch has an order of its own; otherwise the order is the view's.</summary>
    public bool Shuffle { get; init; }

    /// <summary>What order and augmentation depend on.</summary>
    public ulong Seed { get; init; }

    /// <summary>The threads that decode; 0: one a processor.</summary>
    public int Threads { get; init; }

    /// <summary>The most batches that are ready or being made ahead of the consumer.</summary>
    public int Ahead { get; init; } = 3;
}
