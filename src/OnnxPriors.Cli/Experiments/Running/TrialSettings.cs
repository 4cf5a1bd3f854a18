using System.Security.Cryptography;
using System.Text.Json;

namespace OnnxPriors.Cli.Experiments.Running;

/// <summary>
/// All that a trial's result depends on. Its hash names the trial's file, so that a result is found again where everything is the same, and
/// only there.
/// </summary>
internal sealed record TrialSettings
{
    /// <summary>What of the tool decides results, counted up whenever that changes.</summary>
    public int Format { get; init; } = 1;

    /// <summary>The version of ONNX Runtime.</summary>
    public required string Runtime { get; init; }

    /// <summary>The SHA-256 of the model's file.</summary>
    public required string Model { get; init; }

    /// <summary>The SHA-256 of the prior file; null for a method that needs none.</summary>
    public string? Posterior { get; init; }

    /// <summary>What the data's examples and labels are, as a hash.</summary>
    public required string Data { get; init; }

    /// <summary>How pictures are prepared; null where there are none.</summary>
    public string? Preprocessing { get; init; }

    /// <summary>What trains.</summary>
    public required string Train { get; init; }

    /// <summary>The method.</summary>
    public required string Method { get; init; }

    /// <summary>The learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The strength, as a variance.</summary>
    public double? Variance { get; init; }

    /// <summary>λ of a learned prior.</summary>
    public double? Scale { get; init; }

    /// <summary>ε of a learned prior.</summary>
    public double? Epsilon { get; init; }

    /// <summary>The columns kept of its factor.</summary>
    public int? Rank { get; init; }

    /// <summary>The variance of the head's prior.</summary>
    public required double HeadVariance { get; init; }

    /// <summary>The labels of each class that train.</summary>
    public required int LabelsPerClass { get; init; }

    /// <summary>The share of each class that validates.</summary>
    public required double ValidationShare { get; init; }

    /// <summary>The seed.</summary>
    public required int Seed { get; init; }

    /// <summary>Gradient steps, before they are rounded to epochs.</summary>
    public required int Steps { get; init; }

    /// <summary>Examples of a step.</summary>
    public required int Batch { get; init; }

    /// <summary>SGD's momentum.</summary>
    public required double Momentum { get; init; }

    /// <summary>The largest norm of the data gradient.</summary>
    public required double ClipNorm { get; init; }

    /// <summary>Whether the prior is taken by its proximal map.</summary>
    public required bool IsProximal { get; init; }

    /// <summary>How often the run is validated.</summary>
    public required int Validations { get; init; }

    /// <summary>Whether it ends in its best state.</summary>
    public required bool KeepsBest { get; init; }

    /// <summary>The trial whose head it starts from; null for a fresh head.</summary>
    public string? Start { get; init; }

    /// <summary>How SGHMC samples; null where nothing does.</summary>
    public string? Sampler { get; init; }

    /// <summary>Whether it is measured on the test data too: it was chosen.</summary>
    public required bool IsFinal { get; init; }

    /// <summary>The test examples of each class; null for all. Only where it is final.</summary>
    public int? TestPerClass { get; init; }

    /// <summary>The name of the trial: 32 hexadecimal digits of the SHA-256 of these settings.</summary>
    public string Hash() => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(this, Results.ExperimentJson.Compact.TrialSettings)))[..32];
}
