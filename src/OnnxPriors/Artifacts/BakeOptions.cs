using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Objectives;
using OnnxPriors.Optimizers;

namespace OnnxPriors.Artifacts;

/// <summary>What is baked into a step.</summary>
public sealed record BakeOptions
{
    /// <summary>The prior.</summary>
    public required PriorChoice Prior { get; init; }

    /// <summary>Task and objective.</summary>
    public TaskChoice Task { get; init; } = TaskChoice.Classification;

    /// <summary>The update rule.</summary>
    public required Optimizer Optimizer { get; init; }

    /// <summary>What BatchNormalization normalises by in training.</summary>
    public BatchNormalizationMode BatchNormalization { get; init; } = BatchNormalizationMode.Frozen;

    /// <summary>The classes' names in the order of the labels, where they are known.</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>How the model was imported (bindings, shapes, the name of its features): a learned prior's file is compared with the model under its own head.</summary>
    public ImportOptions Import { get; init; } = new();

    /// <summary>
    /// What the tensors of the head start from, by name; empty: the fresh head. A head that was trained first on frozen features spares
    /// them the first steps' gradients through random weights, which distort them where labels are few (Kumar et al., ICLR 2022).
    /// </summary>
    public IReadOnlyDictionary<string, TensorData> Head { get; init; } = new Dictionary<string, TensorData>();

    /// <summary>What is baked: the step, the package for the ORT Training API, or both into one folder.</summary>
    public BakeTargets Targets { get; init; } = BakeTargets.Step;

    /// <summary>How the package for the ORT Training API is made, where one is asked for.</summary>
    public OrtTrainingOptions OrtTraining { get; init; } = new();

    /// <summary>
    /// How many bytes of tensors that do not train may stand in the gradient and the eval model; more go to <see cref="StepFiles.Frozen"/>,
    /// which both refer to. A file may have 2 GiB.
    /// </summary>
    public long InlineBytes { get; init; } = 1_500_000_000;

    /// <summary>
    /// Whether the part of the network that no trained tensor has part in is left out of the step and written to
    /// <see cref="StepFiles.Features"/>: gradient and eval model take its output as their input, which a host computes once an example. A
    /// network that has no one value between the two parts is baked whole.
    /// </summary>
    public bool CutsFrozenPart { get; init; }

    /// <summary>The source model's file name without folders.</summary>
    public required string SourceFileName { get; init; }
}

/// <summary>What a bake makes.</summary>
[Flags]
public enum BakeTargets
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Gradient and update model, for any ONNX Runtime.</summary>
    Step = 1,

    /// <summary>The package for the ORT Training API, up to its last release 1.19.2.</summary>
    OrtTraining = 2,

    /// <summary>Both, in one folder.</summary>
    Both = Step | OrtTraining,
}

/// <summary>What a bake made.</summary>
/// <param name="Manifest">The folder's manifest.</param>
/// <param name="TrainedTensors">How many tensors train.</param>
/// <param name="TrainedElements">How many numbers they hold.</param>
/// <param name="FrozenTensors">How many float tensors do not train, running statistics and the numbers of formulas among them.</param>
/// <param name="FrozenElements">How many numbers they hold.</param>
public sealed record BakeReport(Manifest Manifest, int TrainedTensors, long TrainedElements, int FrozenTensors, long FrozenElements);
