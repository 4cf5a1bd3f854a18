using OnnxPriors.Artifacts;

namespace OnnxPriors.Runtime.Steps;

/// <summary>Parameters and running statistics to evaluate a model with; one of a run's states or samples.</summary>
public sealed class EvalState : IDisposable
{
    private readonly FlatBuffer memory;
    private readonly long parameterLength;

    private EvalState(FlatBuffer memory, Manifest manifest)
    {
        this.memory = memory;
        parameterLength = manifest.StateLength;
        Parameters = new TensorViews(memory, manifest.StateLayout());
        Statistics = manifest.BufferLength == 0 ? null : new TensorViews(memory, manifest.BufferLayout(), manifest.StateLength);
    }

    /// <summary>The parameters θ [P].</summary>
    public ReadOnlySpan<float> ParameterValues => memory.Values[..(int)parameterLength];

    /// <summary>The running statistics; empty where the step trains none.</summary>
    public ReadOnlySpan<float> StatisticsValues => memory.Values[(int)parameterLength..];

    internal TensorViews Parameters { get; }

    internal TensorViews? Statistics { get; }

    /// <summary>Maps a state file, θ [P] and then the running statistics, so that many states take no memory until they are used.</summary>
    /// <param name="path">The file.</param>
    /// <param name="manifest">What lies where in it.</param>
    /// <exception cref="StepException">The file is missing or not of the manifest's length.</exception>
    public static EvalState Map(string path, Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return new EvalState(FlatBuffer.Map(path, manifest.StateLength + manifest.BufferLength), manifest);
    }

    /// <summary>Copies a state from memory.</summary>
    /// <param name="values">θ [P], then the running statistics.</param>
    /// <param name="manifest">What lies where in it.</param>
    /// <exception cref="ArgumentOutOfRangeException">The values are not of the manifest's length.</exception>
    public static EvalState Copy(ReadOnlySpan<float> values, Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length, manifest.StateLength + manifest.BufferLength);
        var memory = new FlatBuffer(values.Length);
        values.CopyTo(memory.Writable);
        return new EvalState(memory, manifest);
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        Parameters.Dispose();
        Statistics?.Dispose();
        memory.Dispose();
    }
}
