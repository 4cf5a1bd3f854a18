using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization;

/// <summary>What a normalised graph is for.</summary>
public enum GraphForm
{
    /// <summary>Inputs, outputs, their types and the batch stay as the file has them: for running and comparing.</summary>
    AsFile,

    /// <summary>Float32 throughout, a dynamic batch, and no Softmax at the end: for training.</summary>
    Training,
}

/// <summary>How a model is brought to the canonical form.</summary>
public sealed record NormalizationOptions
{
    /// <summary>The iterations of a loop that are written out unless more are allowed.</summary>
    public const int DefaultUnrollLimit = 1000;

    /// <summary>What the graph is for.</summary>
    public GraphForm Form { get; init; } = GraphForm.AsFile;

    /// <summary>Whether the inputs' first axis becomes the named size <c>batch</c>; by default for training alone.</summary>
    public bool? DynamicBatch { get; init; }

    /// <summary>Whether float16 inputs and outputs stay so where the graph is as the file has it; else they are float32.</summary>
    public bool HalfEdges { get; init; } = true;

    /// <summary>How many iterations of one Loop or Scan are written out at most.</summary>
    public int UnrollLimit { get; init; } = DefaultUnrollLimit;

    /// <summary>Inputs that become constants.</summary>
    public ImmutableArray<InputBinding> Bindings { get; init; } = [];

    /// <summary>Shapes for inputs, by name, in place of what the file says.</summary>
    public ImmutableSortedDictionary<string, Shape> InputShapes { get; init; } =
        ImmutableSortedDictionary.Create<string, Shape>(StringComparer.Ordinal);

    /// <summary>Height and width for every input that is a batch of images; null leaves them as the file has them.</summary>
    public int? ImageSize { get; init; }
}
