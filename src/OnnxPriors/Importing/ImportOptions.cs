using System.Collections.Immutable;
using OnnxPriors.Graphs;
using OnnxPriors.Normalization;

namespace OnnxPriors.Importing;

/// <summary>What comes out of an import.</summary>
public enum ImportForm
{
    /// <summary>The file's inputs and outputs with their types and batch: for running and comparing.</summary>
    AsFile,

    /// <summary>The scores of the model's own classes as the one output, <c>logits</c> [batch, C]: for fitting on the source task.</summary>
    OwnHead,

    /// <summary>The feature extractor with a fresh head, whose scores are the one output, <c>logits</c> [batch, C].</summary>
    NewHead,
}

/// <summary>Which float tensors of a file train.</summary>
public enum TrainablePolicy
{
    /// <summary>
    /// Weights: not the numbers of formulas (a Clip's bound, a 0.5) nor the constants that prepare an input before the first layer.
    /// </summary>
    Weights,

    /// <summary>Every float tensor that an output depends on differentiably, running statistics excepted.</summary>
    EveryFloat,
}

/// <summary>How a model is imported.</summary>
public sealed record ImportOptions
{
    /// <summary>What comes out.</summary>
    public ImportForm Form { get; init; } = ImportForm.AsFile;

    /// <summary>The number of classes of a fresh head, at least <see cref="FewestClasses"/>.</summary>
    public int? Classes { get; init; }

    /// <summary>The least number of outputs of a fresh head: 2 where they are classes of which one is right, 1 where each stands for itself.</summary>
    public int FewestClasses { get; init; } = 2;

    /// <summary>What a fresh head is.</summary>
    public HeadForm Head { get; init; } = HeadForm.Linear;

    /// <summary>The channels of a fresh head's atrous pyramid.</summary>
    public int PyramidWidth { get; init; } = 128;

    /// <summary>The value that holds the features, by its name in the file; null finds it.</summary>
    public string? Features { get; init; }

    /// <summary>The output that holds the class scores; null where there is one.</summary>
    public string? Output { get; init; }

    /// <summary>Which tensors train: <c>all</c>, <c>head</c>, <c>from:NAME</c>, or patterns such as <c>layer4.*</c> with commas between them.</summary>
    public string Train { get; init; } = "all";

    /// <summary>Which float tensors may train.</summary>
    public TrainablePolicy Policy { get; init; } = TrainablePolicy.Weights;

    /// <summary>Seeds the fresh head.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whether the inputs' first axis becomes <c>batch</c>; by default in all forms but <see cref="ImportForm.AsFile"/>.</summary>
    public bool? DynamicBatch { get; init; }

    /// <summary>Whether float16 inputs and outputs stay so in <see cref="ImportForm.AsFile"/>; else they are float32.</summary>
    public bool HalfEdges { get; init; } = true;

    /// <summary>How many iterations of one Loop or Scan are written out at most.</summary>
    public int UnrollLimit { get; init; } = NormalizationOptions.DefaultUnrollLimit;

    /// <summary>Inputs that become constants.</summary>
    public ImmutableArray<InputBinding> Bindings { get; init; } = [];

    /// <summary>Shapes for inputs, by name, in place of what the file says.</summary>
    public ImmutableSortedDictionary<string, Shape> InputShapes { get; init; } =
        ImmutableSortedDictionary.Create<string, Shape>(StringComparer.Ordinal);

    /// <summary>Height and width for images, in pixels; null leaves them as the file has them.</summary>
    public int? ImageSize { get; init; }

    internal NormalizationOptions Normalization => new()
    {
        Form = Form == ImportForm.AsFile ? GraphForm.AsFile : GraphForm.Training,
        DynamicBatch = DynamicBatch,
        HalfEdges = HalfEdges,
        UnrollLimit = UnrollLimit,
        Bindings = Bindings,
        InputShapes = InputShapes,
        ImageSize = ImageSize,
    };
}
