using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;
using OnnxPriors.Onnx;

namespace OnnxPriors.Runtime.Steps;

/// <summary>The gradient model: a batch and the parameters in; loss, logits and gradients out, the latter straight into a flat buffer.</summary>
internal sealed class GradientSession : IDisposable
{
    private readonly Manifest manifest;
    private readonly InferenceSession session;
    private readonly OrtIoBinding binding;
    private readonly RunOptions runOptions = new();
    private readonly FlatBuffer scalars = new(2 * StateLayout.Alignment);
    private readonly OrtValue labelCount;
    private readonly OrtValue loss;
    private readonly LogitsBuffer logits;

    public GradientSession(string folder, Manifest manifest, StepOptions options)
    {
        this.manifest = manifest;
        var path = Path.Combine(folder, StepFiles.Gradient);
        session = options.ProfilePrefix is null
            ? SessionFactory.Open(path, options)
            : SessionFactory.Open(OnnxFile.ToBytes(StepPhases.OfGradient(OnnxFile.Load(path), manifest.Loss)), path, options);
        binding = session.CreateIoBinding();
        labelCount = scalars.Tensor(0, []);
        loss = scalars.Tensor(StateLayout.Alignment, []);
        logits = new LogitsBuffer(manifest);
        Targets = TargetRules.Of(manifest);
        ModelCheck.Names(StepFiles.Gradient, "input", session.InputNames,
            [.. manifest.Inputs.Select(input => input.Name), manifest.Labels, manifest.LabelCount,
                .. manifest.Parameters.Select(p => p.Name), .. manifest.Buffers.Select(b => b.Name)]);
        ModelCheck.Names(StepFiles.Gradient, "output", session.OutputNames,
            [manifest.Loss, manifest.Logits, .. manifest.Parameters.Select(p => p.Gradient), .. manifest.Buffers.Select(b => b.Next)]);
    }

    /// <summary>What the task asks of the targets.</summary>
    public TargetRules Targets { get; }

    /// <summary>The logits of the last run.</summary>
    public ReadOnlySpan<float> Logits => logits.Values;

    /// <summary>Runs one micro-batch.</summary>
    /// <param name="batch">The examples and labels.</param>
    /// <param name="divisor">What the sum of the losses is divided by: the labels in the whole effective batch, or the weight of those that count.</param>
    /// <param name="parameters">θ.</param>
    /// <param name="gradient">Where the gradient goes.</param>
    /// <param name="statistics">The running statistics and where the next go, where the model has any.</param>
    /// <returns>This micro-batch's share of the mean loss.</returns>
    public float Run(Batch batch, double divisor, TensorViews parameters, TensorViews gradient, DoubleBuffer? statistics)
    {
        Targets.Check(batch);
        scalars.Writable[0] = (float)divisor;
        var values = BatchBinder.BindInputs(binding, manifest.Inputs, batch);
        try
        {
            var target = batch.Targets.CreateValue();
            values.Add(target);
            binding.BindInput(manifest.Labels, target);
            binding.BindInput(manifest.LabelCount, labelCount);
            binding.BindOutput(manifest.Loss, loss);
            binding.BindOutput(manifest.Logits, logits.For(batch));
            for (var i = 0; i < manifest.Parameters.Count; i++)
            {
                binding.BindInput(manifest.Parameters[i].Name, parameters[i]);
                binding.BindOutput(manifest.Parameters[i].Gradient, gradient[i]);
            }
            for (var i = 0; i < manifest.Buffers.Count; i++)
            {
                binding.BindInput(manifest.Buffers[i].Name, statistics!.Front.Views[i]);
                binding.BindOutput(manifest.Buffers[i].Next, statistics.Back.Views[i]);
            }
            ModelCheck.Run(StepFiles.Gradient, session, runOptions, binding);
        }
        finally
        {
            values.ForEach(value => value.Dispose());
        }
        statistics?.Swap();
        return scalars.Values[StateLayout.Alignment];
    }

    /// <summary>Ends the profile and gives its file.</summary>
    public string EndProfiling() => session.EndProfiling();

    public void Dispose()
    {
        binding.Dispose();
        session.Dispose();
        runOptions.Dispose();
        labelCount.Dispose();
        loss.Dispose();
        logits.Dispose();
        scalars.Dispose();
    }
}
