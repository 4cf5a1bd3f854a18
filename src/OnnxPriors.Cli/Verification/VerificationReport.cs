using System.Text.Json.Serialization;

namespace OnnxPriors.Cli.Verification;

/// <summary>What <c>verify</c> found; its JSON has these names.</summary>
internal sealed record VerificationReport
{
    /// <summary>The model's file name.</summary>
    public required string Model { get; init; }

    /// <summary>The imported graph against the file, both under ONNX Runtime; null where nothing could be compared.</summary>
    public ForwardReport? Forward { get; init; }

    /// <summary>The types and shapes that were inferred against those of the run.</summary>
    public ShapeReport? Shapes { get; init; }

    /// <summary>The TorchSharp module against the reference.</summary>
    public EngineReport? Torch { get; init; }

    /// <summary>The gradient model against libtorch's autograd in float64; null with nothing trainable.</summary>
    public GradientReport? Gradient { get; init; }

    /// <summary>The elements of all float tensors that the output depends on.</summary>
    public long Parameters { get; init; }

    /// <summary>The number of tensors that gradients were compared for.</summary>
    public int Trainable { get; init; }

    /// <summary>The operators of the imported graph and how often each stands in it.</summary>
    public IReadOnlyDictionary<string, int> Operators { get; init; } = new SortedDictionary<string, int>();

    /// <summary>What is not supported, one line each; empty where all is well.</summary>
    public IReadOnlyList<string> Unsupported { get; init; } = [];

    /// <summary>The inputs' shapes as they were used.</summary>
    public IReadOnlyDictionary<string, long[]> Inputs { get; init; } = new SortedDictionary<string, long[]>();

    /// <summary>Whether everything that was compared is within its limit.</summary>
    [JsonIgnore]
    public bool IsWithinLimits =>
        Shapes is not { Wrong.Count: > 0 }
        && (Forward?.MaxRelativeError is not { } forward || forward <= Limits.Forward)
        && (Forward?.HalfPrecisionError is not { } half || half <= Limits.HalfPrecision)
        && (Torch is null || Torch.MaxRelativeError <= Limits.Forward)
        && (Gradient is null || Gradient.MaxRelativeError <= Limits.OfGradient(Gradient.Noise));

    /// <summary>The largest errors that pass.</summary>
    internal static class Limits
    {
        public const double Forward = 1e-4;
        public const double HalfPrecision = 2e-3;
        public const double Gradient = 1e-3;
        public const double Noises = 3;

        // libtorch is wrong, not imprecise, where its float32 gradient is farther than this from its own in float64; that excuses nothing.
        public const double LargestNoise = 0.2;

        /// <summary>The limit of the gradient's error.</summary>
        /// <param name="noise">libtorch's own float32 error.</param>
        public static double OfGradient(double noise) => noise <= LargestNoise ? Math.Max(Gradient, Noises * noise) : Gradient;
    }
}

/// <summary>The forward comparison.</summary>
/// <param name="MaxRelativeError">The worst output's ‖a − b‖ / ‖b‖; null with a <paramref name="Reason"/>.</param>
/// <param name="HalfPrecisionError">For 16-bit files, the distance to the file as it stands.</param>
/// <param name="Reason">Why there is no comparison.</param>
internal sealed record ForwardReport(double? MaxRelativeError, double? HalfPrecisionError = null, string? Reason = null);

/// <summary>Every value that the imported graph computes, as inferred and as ONNX Runtime gave it.</summary>
/// <param name="Values">The values compared.</param>
/// <param name="Open">Those of them with an extent that was not inferred.</param>
/// <param name="Wrong">Those whose type, rank or extents differ, with both.</param>
internal sealed record ShapeReport(int Values, int Open, IReadOnlyList<string> Wrong);

/// <summary>Another engine's comparison.</summary>
/// <param name="MaxRelativeError">The worst output's ‖a − b‖ / ‖b‖.</param>
internal sealed record EngineReport(double MaxRelativeError);

/// <summary>The comparison of gradients.</summary>
/// <param name="MaxRelativeError">The worst tensor's ‖a − b‖ / max(‖b‖, 10⁻⁶ of the whole gradient's norm).</param>
/// <param name="Noise">libtorch's own float32 error, measured the same way.</param>
/// <param name="Worst">The tensor with the largest error.</param>
internal sealed record GradientReport(double MaxRelativeError, double Noise, string Worst);

/// <summary>The JSON of the report, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(VerificationReport))]
internal sealed partial class VerificationJson : JsonSerializerContext;
