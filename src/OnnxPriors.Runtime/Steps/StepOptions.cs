namespace OnnxPriors.Runtime.Steps;

/// <summary>What computes the step.</summary>
public enum Provider
{
    /// <summary>The processor.</summary>
    Cpu,

    /// <summary>An NVIDIA GPU, by ONNX Runtime's CUDA provider; needs the Gpu build of the native library.</summary>
    Cuda,
}

/// <summary>How a step is run.</summary>
public sealed record StepOptions
{
    /// <summary>What computes.</summary>
    public Provider Provider { get; init; } = Provider.Cpu;

    /// <summary>The GPU's number, where there are several.</summary>
    public int Device { get; init; }

    /// <summary>Threads within an operator; 0 takes one for each physical core.</summary>
    public int Threads { get; init; }

    /// <summary>Whether every file's SHA-256 is compared with the manifest's before anything runs.</summary>
    public bool VerifyFiles { get; init; } = true;

    /// <summary>
    /// Where ONNX Runtime writes a profile of each session, as the beginning of the files' names; null for none. It costs time. <see cref="StepSession.EndProfiling"/> reads it.
    /// </summary>
    public string? ProfilePrefix { get; init; }
}
