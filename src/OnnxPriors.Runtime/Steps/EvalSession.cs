using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;

namespace OnnxPriors.Runtime.Steps;

/// <summary>
/// The eval model of a step or a run: a batch and a state in, logits out. The state is a flat buffer of the manifest's layout followed
/// by one of running statistics, so many states can pass through one session.
/// </summary>
public sealed class EvalSession : IDisposable
{
    private readonly InferenceSession session;
    private readonly OrtIoBinding binding;
    private readonly RunOptions runOptions = new();
    private readonly LogitsBuffer logits;
    private readonly HashSet<string> inputs;

    /// <summary>Opens the eval model of a folder.</summary>
    /// <param name="folder">The folder with <c>eval.onnx</c>.</param>
    /// <param name="manifest">Its manifest.</param>
    /// <param name="options">How to run it.</param>
    /// <exception cref="StepException">The model cannot be loaded or is not the manifest's.</exception>
    public EvalSession(string folder, Manifest manifest, StepOptions options)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(options);
        Manifest = manifest;
        SessionFactory.CheckVersions(manifest, folder);
        session = SessionFactory.Open(Path.Combine(folder, StepFiles.Eval), options);
        binding = session.CreateIoBinding();
        logits = new LogitsBuffer(manifest);
        inputs = [.. session.InputNames];
        ModelCheck.Names(StepFiles.Eval, "output", session.OutputNames, [manifest.Logits]);
        var known = manifest.Inputs.Select(i => i.Name).Concat(manifest.Parameters.Select(p => p.Name)).Concat(manifest.Buffers.Select(b => b.Name)).ToHashSet();
        if (inputs.FirstOrDefault(input => !known.Contains(input)) is { } unknown)
            throw new StepException($"'{StepFiles.Eval}' wants an input '{unknown}' that its manifest does not name; bake the step again.");
    }

    /// <summary>What the model's tensors are.</summary>
    public Manifest Manifest { get; }

    /// <summary>Runs a batch.</summary>
    /// <param name="batch">The examples; labels are not used.</param>
    /// <param name="state">Parameters and running statistics.</param>
    /// <returns>The logits, [batch, C] or [batch, C, H, W], valid until the next run.</returns>
    /// <exception cref="StepException">The batch does not fit the model, or the runtime fails.</exception>
    public ReadOnlySpan<float> Run(Batch batch, EvalState state)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(state);
        return Run(batch, state.Parameters, state.Statistics);
    }

    internal ReadOnlySpan<float> Run(Batch batch, TensorViews parameters, TensorViews? statistics)
    {
        var values = BatchBinder.BindInputs(binding, Manifest.Inputs, batch);
        try
        {
            for (var i = 0; i < Manifest.Parameters.Count; i++)
                if (inputs.Contains(Manifest.Parameters[i].Name))
                    binding.BindInput(Manifest.Parameters[i].Name, parameters[i]);
            for (var i = 0; i < Manifest.Buffers.Count; i++)
                if (inputs.Contains(Manifest.Buffers[i].Name))
                    binding.BindInput(Manifest.Buffers[i].Name, statistics![i]);
            binding.BindOutput(Manifest.Logits, logits.For(batch));
            ModelCheck.Run(StepFiles.Eval, session, runOptions, binding);
        }
        finally
        {
            values.ForEach(value => value.Dispose());
        }
        return logits.Values;
    }

    /// <summary>Ends the session.</summary>
    public void Dispose()
    {
        binding.Dispose();
        session.Dispose();
        runOptions.Dispose();
        logits.Dispose();
    }
}
