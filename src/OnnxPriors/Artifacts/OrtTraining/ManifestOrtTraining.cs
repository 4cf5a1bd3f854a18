using System.Text.Json.Serialization;

namespace OnnxPriors.Artifacts.OrtTraining;

/// <summary>The manifest's part on a package for the ORT Training API; absent where none was baked.</summary>
public sealed record ManifestOrtTraining
{
    /// <summary>The oldest release of ONNX Runtime Training that it was baked for.</summary>
    public required string RuntimeVersion { get; init; }

    /// <summary>The checkpoint's format, 1 or 2.</summary>
    public required int CheckpointVersion { get; init; }

    /// <summary>What an application gives with each batch, in this order: the model's own inputs, labels, the prior's weight and, where there is one, the noise's scale.</summary>
    public required IReadOnlyList<ManifestInput> Inputs { get; init; }

    /// <summary>What training and eval model give, in this order.</summary>
    public required IReadOnlyList<string> Outputs { get; init; }

    /// <summary>The checkpoint's frozen tensors in the models' order.</summary>
    public required IReadOnlyList<string> Frozen { get; init; }

    /// <summary>The prior's weight to begin with: 1 over the number of training examples expected.</summary>
    [JsonRequired]
    public double SuggestedPriorWeight { get; init; }

    /// <summary>The learning rate, where the optimizer model fixes it; null where the application sets it.</summary>
    public double? LearningRate { get; init; }

    /// <summary>
    /// The input for the deviation of the noise on each gradient, where there is one. With SGD at learning rate η, √(2T / (Nη)) makes the
    /// steps those of SGLD at temperature T over N examples.
    /// </summary>
    public string? NoiseScale { get; init; }
}
