using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;

namespace OnnxPriors.Runtime.Steps;

/// <summary>The frozen part of a step's network (<see cref="StepFiles.Features"/>): a batch in, out what the step takes in its place. For several threads at once.</summary>
public sealed class FeatureSession : IDisposable
{
    private readonly InferenceSession session;
    private readonly RunOptions runOptions = new();

    /// <summary>Opens the frozen part of a step.</summary>
    /// <param name="folder">The step folder, baked with its frozen part cut.</param>
    /// <param name="manifest">Its manifest.</param>
    /// <param name="options">How to run it.</param>
    /// <exception cref="StepException">The model cannot be loaded.</exception>
    public FeatureSession(string folder, Manifest manifest, StepOptions options)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        session = SessionFactory.Open(Path.Combine(folder, StepFiles.Features), options);
        Shape = [.. manifest.Inputs[0].Shape.Skip(1).Select(length => long.Parse(length, System.Globalization.CultureInfo.InvariantCulture))];
    }

    /// <summary>Whether a step has a frozen part of its own.</summary>
    /// <param name="manifest">The step's manifest.</param>
    public static bool IsIn(Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return manifest.Files.Any(file => file.Name == StepFiles.Features);
    }

    /// <summary>The features' dimensions, without the batch.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The number of features of an example.</summary>
    public int Length => checked((int)Shape.Aggregate(1L, (product, length) => product * length));

    /// <summary>The inputs' dimensions, the batch first; null where any size will do.</summary>
    public IReadOnlyList<long?> InputShape => [.. session.InputMetadata[session.InputNames[0]].Dimensions.Select(size => size > 0 ? size : (long?)null)];

    /// <summary>Computes a batch's features.</summary>
    /// <param name="batch">The examples; labels are not used.</param>
    /// <returns>The features [batch, …], row by row.</returns>
    /// <exception cref="StepException">The batch does not fit the model, or the runtime fails.</exception>
    public float[] Run(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        float[] features = [];
        ModelCheck.Run(StepFiles.Features, () =>
        {
            using var input = batch.Inputs[0].CreateValue();
            using var outputs = session.Run(runOptions, [session.InputNames[0]], [input], [session.OutputNames[0]]);
            features = outputs[0].GetTensorDataAsSpan<float>().ToArray();
        });
        return features;
    }

    /// <summary>Ends the session.</summary>
    public void Dispose()
    {
        session.Dispose();
        runOptions.Dispose();
    }
}
