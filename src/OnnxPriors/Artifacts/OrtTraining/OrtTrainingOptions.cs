namespace OnnxPriors.Artifacts.OrtTraining;

/// <summary>What a package for the ORT Training API is baked with.</summary>
public sealed record OrtTrainingOptions
{
    /// <summary>The oldest runtime that shall load it.</summary>
    public OrtTrainingVersion Version { get; init; } = OrtTrainingVersion.Latest;

    /// <summary>
    /// The learning rate, fixed in the optimizer model: for JavaScript, whose API cannot set it. Null leaves it an input, which the other
    /// languages set.
    /// </summary>
    public float? LearningRate { get; init; }

    /// <summary>Whether the training model takes <c>noise_scale</c> and adds normal noise of that deviation to each gradient.</summary>
    public bool Noise { get; init; }

    /// <summary>The training examples that the device is expected to have, from which the suggested weight of the prior follows.</summary>
    public long? Examples { get; init; }
}

/// <summary>A release of ONNX Runtime Training, the last of which is 1.19.2.</summary>
/// <param name="Minor">16 to 19.</param>
/// <param name="Patch">The patch release.</param>
public sealed record OrtTrainingVersion(int Minor, int Patch)
{
    private const int Oldest = 16;
    private const int Newest = 19;

    /// <summary>The last release, 1.19.2.</summary>
    public static OrtTrainingVersion Latest { get; } = new(Newest, 2);

    /// <summary>The checkpoint format of that release; 2 came with nominal checkpoints.</summary>
    public int CheckpointVersion => Minor >= 18 ? 2 : 1;

    /// <summary>The newest opset of the standard operators that it runs.</summary>
    public int NewestOpset => Minor switch
    {
        16 => 19,
        17 => 20,
        _ => 21,
    };

    /// <summary>Whether checkpoints may keep tensors in a second file, and so pass two gigabytes.</summary>
    public bool HasExternalData => Minor >= 18;

    /// <summary>Reads a version such as <c>1.18</c> or <c>1.19.2</c>.</summary>
    /// <param name="text">The version.</param>
    /// <exception cref="ArtifactException">It is no version, or one that no package can be baked for; the message says why.</exception>
    public static OrtTrainingVersion Parse(string text)
    {
        if (!System.Version.TryParse(text, out var version))
            throw new ArtifactException($"'{text}' is no version of ONNX Runtime Training; give one such as 1.19.2.");
        if (version.Major != 1 || version.Minor < Oldest)
            throw new ArtifactException($"ONNX Runtime Training {text} reads checkpoints as folders of protobuf files, not the single file that 1.16 brought in; give 1.16 or later, or bake the step (--target step).");
        if (version.Minor > Newest)
            throw new ArtifactException($"There is no ONNX Runtime Training {text}: its last release is 1.19.2. Leave --ort-version out, or bake the step (--target step), which runs on every later ONNX Runtime.");
        return new(version.Minor, Math.Max(0, version.Build));
    }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"1.{Minor}.{Patch}");
}
