using System.Text.Json.Serialization;
using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Objectives;
using OnnxPriors.Priors;

namespace OnnxPriors.Artifacts;

/// <summary>
/// What a step folder is: the names, shapes and places of all its tensors, its objective, prior and optimizer, and its files' hashes.
/// Every property stands in the file, save for those that can be null: what a program leaves out here has its default written out.
/// Stands in the folder as <c>manifest.json</c>; <see cref="ManifestFile"/> reads, checks and writes it.
/// </summary>
public sealed record Manifest
{
    /// <summary>The schema this library writes and reads.</summary>
    public const int CurrentSchemaVersion = 1;

    /// <summary>The manifest's schema.</summary>
    [JsonRequired]
    public int SchemaVersion { get; init; } = CurrentSchemaVersion;

    /// <summary>The program that wrote the folder, and its version.</summary>
    public required string Producer { get; init; }

    /// <summary>The opset of the default domain in all models of the folder.</summary>
    public required int Opset { get; init; }

    /// <summary>The ONNX IR version of all models of the folder.</summary>
    public required int IrVersion { get; init; }

    /// <summary>The task that the labels, the objective and the measures follow.</summary>
    [JsonRequired]
    public TaskChoice Task { get; init; } = TaskChoice.Classification;

    /// <summary>What the loss is: <c>cross-entropy</c>, <c>pixel-cross-entropy</c>, <c>binary-cross-entropy</c> or <c>gaussian</c>.</summary>
    [JsonRequired]
    public string Objective { get; init; } = "cross-entropy";

    /// <summary>The number of classes C, of labels, or of numbers predicted.</summary>
    public required int Classes { get; init; }

    /// <summary>The classes' names in the order of the labels, where they are known.</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>The model's own inputs; the batch is the dimension named in text.</summary>
    public required IReadOnlyList<ManifestInput> Inputs { get; init; }

    /// <summary>The gradient model's input for labels: int64 [batch], int64 [batch, H, W], or float [batch, C], as the task has them.</summary>
    [JsonRequired]
    public string Labels { get; init; } = "labels";

    /// <summary>The gradient model's input for the number of labels in the whole effective batch (of counted pixels, or their weight), float [].</summary>
    [JsonRequired]
    public string LabelCount { get; init; } = "label_count";

    /// <summary>The gradient model's output for the loss, float [].</summary>
    [JsonRequired]
    public string Loss { get; init; } = "loss";

    /// <summary>The output for the logits, in gradient and eval model: [batch, C], or [batch, C, H, W] at the input's size for segmentation.</summary>
    [JsonRequired]
    public string Logits { get; init; } = "logits";

    /// <summary>The trainable tensors in the order of their offsets.</summary>
    public required IReadOnlyList<ManifestParameter> Parameters { get; init; }

    /// <summary>The length P of the flat state, in floats.</summary>
    public required long StateLength { get; init; }

    /// <summary>The running statistics that training updates, in the order of their offsets; empty where they are frozen.</summary>
    [JsonRequired]
    public IReadOnlyList<ManifestBuffer> Buffers { get; init; } = [];

    /// <summary>The length of the flat buffer of running statistics, in floats.</summary>
    [JsonRequired]
    public long BufferLength { get; init; }

    /// <summary>The prior in the update model.</summary>
    public required ManifestPrior Prior { get; init; }

    /// <summary>The optimizer in the update model.</summary>
    public required ManifestOptimizer Optimizer { get; init; }

    /// <summary>The metadata properties an exported model carries on (preprocessing, class names), key to value.</summary>
    [JsonRequired]
    public IReadOnlyDictionary<string, string> Preprocessing { get; init; } = new Dictionary<string, string>();

    /// <summary>The model the step was made of.</summary>
    public required ManifestSource Source { get; init; }

    /// <summary>The package for the ORT Training API, where the folder holds one.</summary>
    public ManifestOrtTraining? OrtTraining { get; init; }

    /// <summary>Every other file of the folder.</summary>
    public required IReadOnlyList<ManifestFileEntry> Files { get; init; }

    /// <summary>Whether the folder holds the step: gradient, eval and update model.</summary>
    [JsonIgnore]
    public bool HasStep => Files.Any(file => file.Name == StepFiles.Update);

    /// <summary>Where the parameters lie in the flat state.</summary>
    /// <exception cref="ArtifactException">The manifest contradicts itself.</exception>
    public StateLayout StateLayout() =>
        new([.. Parameters.Select(p => new StateEntry(p.Name, p.Shape, p.Offset, p.Count))], StateLength);

    /// <summary>Where the running statistics lie in their flat buffer.</summary>
    /// <exception cref="ArtifactException">The manifest contradicts itself.</exception>
    public StateLayout BufferLayout() =>
        new([.. Buffers.Select(b => new StateEntry(b.Name, b.Shape, b.Offset, b.Count))], BufferLength);
}

/// <summary>One of the model's own inputs.</summary>
/// <param name="Name">Its name in gradient and eval model.</param>
/// <param name="Type">Its element type in ONNX's lower-case words: <c>float</c>, <c>int64</c>, …</param>
/// <param name="Shape">Its dimensions, each a number or the name of a symbolic one (<c>batch</c>).</param>
public sealed record ManifestInput(string Name, string Type, IReadOnlyList<string> Shape);

/// <summary>A trainable tensor.</summary>
/// <param name="Name">The name of the input that takes it.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Offset">Its place in the flat state, in floats.</param>
/// <param name="Count">Its number of elements.</param>
/// <param name="Role"><c>features</c> or <c>head</c>.</param>
/// <param name="Gradient">The name of the gradient model's output that is its gradient.</param>
public sealed record ManifestParameter(string Name, long[] Shape, long Offset, long Count, string Role, string Gradient);

/// <summary>A running statistic that training updates.</summary>
/// <param name="Name">The name of the input that takes it.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Offset">Its place in the flat buffer, in floats.</param>
/// <param name="Count">Its number of elements.</param>
/// <param name="Next">The name of the gradient model's output that is its next value.</param>
public sealed record ManifestBuffer(string Name, long[] Shape, long Offset, long Count, string Next);

/// <summary>The prior in the update model and how it was made.</summary>
public sealed record ManifestPrior
{
    /// <summary><c>learned</c>, <c>isotropic</c>, <c>zero</c> or <c>none</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>The rank K of the factor; 0 where the covariance is diagonal.</summary>
    [JsonRequired]
    public int Rank { get; init; }

    /// <summary>The scale λ of the learned covariance.</summary>
    [JsonRequired]
    public double Scale { get; init; } = 1;

    /// <summary>ε, added to the variance and not scaled.</summary>
    [JsonRequired]
    public double Epsilon { get; init; }

    /// <summary>How λ acts: <c>exact</c>, <c>official</c> or <c>official-unscaled</c>.</summary>
    [JsonRequired]
    public string Scaling { get; init; } = "exact";

    /// <summary>The variance of the head's own prior, zero-mean and isotropic.</summary>
    [JsonRequired]
    public double HeadVariance { get; init; }

    /// <summary>The share of the learned coordinates, 0 … 1, where ε exceeds the learned variance.</summary>
    [JsonRequired]
    public double EpsilonShare { get; init; }

    /// <summary>What of the learned covariance is in the prior, where it is not all: <c>diagonal</c> or <c>permuted</c>.</summary>
    public string? Shape { get; init; }

    /// <summary>The seed of the permuted shape.</summary>
    public ulong? PermutationSeed { get; init; }

    /// <summary>How an update takes the prior: <c>proximal</c>, or null for plain. <c>prior.bin</c> holds μ, D and W with the one, μ, a and B with the other.</summary>
    public string? Step { get; init; }

    /// <summary>The largest a of the plain form, which bounds the prior's curvature; null where it is not known.</summary>
    public double? LargestPrecision { get; init; }

    /// <summary>What the evidence bound needs, where training learns λ and the head's variance.</summary>
    public EvidenceBound? Evidence { get; init; }

    /// <summary>The SHA-256 of the prior file in hexadecimal, where there is one.</summary>
    public string? SourcePrior { get; init; }

    /// <summary>Whether the update takes the prior by its proximal map.</summary>
    [JsonIgnore]
    public bool IsProximal => Step == "proximal";

    /// <summary>Whether the update model takes a prior at all.</summary>
    [JsonIgnore]
    public bool IsPresent => Kind != "none";
}

/// <summary>The optimizer in the update model.</summary>
public sealed record ManifestOptimizer
{
    /// <summary><c>sgd</c>, <c>adamw</c>, <c>sgld</c> or <c>sghmc</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Whether SGD's momentum is Nesterov's.</summary>
    [JsonRequired]
    public bool Nesterov { get; init; }

    /// <summary>The flat states [P]: each S is an input, and <c>S_next</c> an output.</summary>
    public required IReadOnlyList<string> States { get; init; }

    /// <summary>The updates made before: the first one's number, where it counts, is one more.</summary>
    public long InitialStep { get; init; }

    /// <summary>The update model's scalar inputs beside learning rate, clipping norm and prior weight.</summary>
    public required IReadOnlyList<string> Scalars { get; init; }

    /// <summary>What is fixed in the graph, by name.</summary>
    [JsonRequired]
    public IReadOnlyDictionary<string, double> Hyperparameters { get; init; } = new Dictionary<string, double>();
}

/// <summary>The model a step was made of.</summary>
/// <param name="FileName">Its file's name without folders.</param>
/// <param name="Sha256">Its file's SHA-256 in hexadecimal.</param>
public sealed record ManifestSource(string FileName, string Sha256);

/// <summary>A file of the folder.</summary>
/// <param name="Name">Its name, without folders.</param>
/// <param name="Bytes">Its length in bytes.</param>
/// <param name="Sha256">Its SHA-256 in hexadecimal.</param>
public sealed record ManifestFileEntry(string Name, long Bytes, string Sha256);
