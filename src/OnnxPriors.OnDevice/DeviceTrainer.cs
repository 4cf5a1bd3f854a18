using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;

namespace OnnxPriors.OnDevice;

/// <summary>
/// Trains a step folder on whatever ONNX Runtime the application carries: the gradient model gives loss and gradients, the update
/// model the next state. Both hold standard operators only. Optimizers that need no noise (SGD, AdamW) are taken.
/// </summary>
/// <example>
/// <code>
/// using var trainer = DeviceTrainer.Open("package");
/// foreach (var step in trainer.Train(batches, new DeviceTrainingOptions { PriorWeight = 1f / examples }))
///     plot.Add(step.Step, step.Loss);
/// trainer.Save("personal.bin");
/// </code>
/// </example>
public sealed class DeviceTrainer : IDisposable
{
    private readonly Manifest manifest;
    private readonly InferenceSession gradientModel;
    private readonly InferenceSession updateModel;
    private readonly InferenceSession evalModel;
    private readonly RunOptions runOptions = new();
    private readonly OrtMemoryInfo memory = OrtMemoryInfo.DefaultInstance;
    private readonly PinnedFloats gradient;
    private readonly PinnedFloats? prior;
    private readonly PinnedFloats[] states;
    private PinnedFloats parameters;

    private DeviceTrainer(string folder, Manifest manifest)
    {
        this.manifest = manifest;
        gradientModel = Open(folder, StepFiles.Gradient);
        updateModel = Open(folder, StepFiles.Update);
        evalModel = Open(folder, StepFiles.Eval);
        parameters = PinnedFloats.Read(Path.Combine(folder, StepFiles.Parameters), manifest.StateLength);
        gradient = new PinnedFloats(manifest.StateLength);
        states = [.. manifest.Optimizer.States.Select(_ => new PinnedFloats(manifest.StateLength))];
        if (manifest.Prior.Kind != "none")
            prior = PinnedFloats.Read(Path.Combine(folder, StepFiles.Prior), manifest.StateLength * (2 + manifest.Prior.Rank));
    }

    /// <summary>The steps taken so far.</summary>
    public long Steps { get; private set; }

    /// <summary>The number of classes C.</summary>
    public int Classes => manifest.Classes;

    /// <summary>Opens a step folder after checking it against its manifest.</summary>
    /// <param name="folder">The folder that <c>bake</c> wrote.</param>
    /// <exception cref="ArtifactException">The folder is damaged or of a newer schema.</exception>
    /// <exception cref="OnDeviceException">The runtime here cannot run it, or it has several inputs, running statistics or needs noise.</exception>
    public static DeviceTrainer Open(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var manifest = ManifestFile.Read(folder);
        ManifestFile.VerifyFiles(folder, manifest);
        if (manifest.Inputs.Count != 1)
            throw new OnDeviceException($"'{folder}' has {manifest.Inputs.Count} inputs; this library trains models of one. Use OnnxPriors.Runtime.");
        if (manifest.Buffers.Count > 0)
            throw new OnDeviceException($"'{folder}' trains with batch statistics, whose running values need OnnxPriors.Runtime. Bake with --batch-norm frozen.");
        if (manifest.Optimizer.Name is not ("sgd" or "adamw"))
            throw new OnDeviceException($"'{folder}' was baked for {manifest.Optimizer.Name}; bake with --optimizer sgd or adamw for a device.");
        return new DeviceTrainer(folder, manifest);
    }

    /// <summary>Trains over batches, one step each; enumerate the result to run it.</summary>
    /// <param name="batches">The batches; the last may be smaller.</param>
    /// <param name="options">How to train.</param>
    /// <param name="cancellation">Ends the training between two steps; the state stays whole.</param>
    /// <returns>What each step did.</returns>
    /// <exception cref="OnDeviceException">A batch does not fit, or the loss is no number any more.</exception>
    /// <exception cref="OperationCanceledException">Asked to end.</exception>
    public IEnumerable<DeviceStep> Train(IEnumerable<DeviceBatch> batches, DeviceTrainingOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(batches);
        ArgumentNullException.ThrowIfNull(options);
        foreach (var batch in batches)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return Step(batch, options);
        }
    }

    /// <summary>The class probabilities of examples under the parameters as they are.</summary>
    /// <param name="inputs">The preprocessed examples, row by row.</param>
    /// <param name="shape">Their shape.</param>
    /// <returns>[batch, C], row by row; each row sums to 1.</returns>
    public float[] Predict(float[] inputs, long[] shape)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(shape);
        using var values = new OrtValues();
        var feeds = Feeds(values, inputs, shape);
        using var results = evalModel.Run(runOptions, feeds, [manifest.Logits]);
        var logits = results[0].GetTensorDataAsSpan<float>().ToArray();
        for (var row = 0; row < logits.Length; row += manifest.Classes)
            Softmax(logits.AsSpan(row, manifest.Classes));
        return logits;
    }

    /// <summary>Writes the parameters [P], float32, little-endian, on the layout that the manifest states.</summary>
    /// <param name="path">The file; it appears whole or not at all.</param>
    public void Save(string path)
    {
        using var file = AtomicFile.Create(path);
        file.Stream.Write(MemoryMarshal.AsBytes(parameters.Span));
        file.Commit();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        gradientModel.Dispose();
        updateModel.Dispose();
        evalModel.Dispose();
        runOptions.Dispose();
        foreach (var buffer in (PinnedFloats?[])[parameters, gradient, prior, .. states])
            buffer?.Dispose();
    }

    private static InferenceSession Open(string folder, string file)
    {
        try
        {
            return new InferenceSession(Path.Combine(folder, file));
        }
        catch (OnnxRuntimeException e)
        {
            throw new OnDeviceException($"ONNX Runtime {OrtEnv.Instance().GetVersionString()} cannot load '{file}' of the package: {e.Message}. Update the runtime, or bake for this version.", e);
        }
    }

    private DeviceStep Step(DeviceBatch batch, DeviceTrainingOptions options)
    {
        if (batch.Labels.FirstOrDefault(l => l < 0 || l >= manifest.Classes, -1) is var bad && batch.Labels.Contains(bad))
            throw new OnDeviceException($"A batch holds the label {bad}; the package has the classes 0 … {manifest.Classes - 1}.");
        using var values = new OrtValues();
        var loss = Gradients(values, batch);
        if (!float.IsFinite(loss))
            throw new OnDeviceException($"The loss is {loss} at step {Steps + 1}; lower the learning rate ({options.LearningRate}) or clip the gradient.");
        var (energy, norm) = Update(values, options);
        return new DeviceStep(++Steps, loss, energy, norm);
    }

    private float Gradients(OrtValues values, DeviceBatch batch)
    {
        var feeds = Feeds(values, batch.Inputs, batch.Shape);
        feeds[manifest.Labels] = values.Own(OrtValue.CreateTensorValueFromMemory(batch.Labels, [batch.Labels.LongLength]));
        feeds[manifest.LabelCount] = values.Scalar(batch.Labels.Length);
        var loss = new float[1];
        string[] names = [manifest.Loss, .. manifest.Parameters.Select(p => p.Gradient)];
        OrtValue[] outputs =
        [
            values.Own(OrtValue.CreateTensorValueFromMemory(loss, [])),
            .. manifest.Parameters.Select(p => values.Own(gradient.Tensor(memory, p.Offset, p.Shape))),
        ];
        gradientModel.Run(runOptions, feeds.Keys, feeds.Values, names, outputs);
        return loss[0];
    }

    private (float Energy, float Norm) Update(OrtValues values, DeviceTrainingOptions options)
    {
        long[] whole = [manifest.StateLength];
        var feeds = new Dictionary<string, OrtValue>
        {
            ["theta"] = values.Own(parameters.Tensor(memory, 0, whole)),
            ["gradient"] = values.Own(gradient.Tensor(memory, 0, whole)),
            ["learning_rate"] = values.Scalar(options.LearningRate),
            ["clip_norm"] = values.Scalar(options.ClipNorm),
        };
        if (prior is not null)
        {
            feeds["prior_mean"] = values.Own(prior.Tensor(memory, 0, whole));
            feeds["prior_precision"] = values.Own(prior.Tensor(memory, manifest.StateLength, whole));
            if (manifest.Prior.Rank > 0)
                feeds["prior_factor"] = values.Own(prior.Tensor(memory, 2 * manifest.StateLength, [manifest.Prior.Rank, manifest.StateLength]));
            feeds["prior_weight"] = values.Scalar(options.PriorWeight);
        }
        foreach (var scalar in manifest.Optimizer.Scalars)
            feeds[scalar] = values.Scalar(scalar == "momentum" ? options.Momentum : Steps + 1);
        var next = new PinnedFloats(manifest.StateLength);
        var results = new float[2];
        var names = new List<string> { "theta_next", "gradient_norm" };
        var outputs = new List<OrtValue> { values.Own(next.Tensor(memory, 0, whole)), values.Own(OrtValue.CreateTensorValueFromMemory<float>(memory, results.AsMemory(0, 1), [])) };
        if (prior is not null)
        {
            names.Add("prior_energy");
            outputs.Add(values.Own(OrtValue.CreateTensorValueFromMemory<float>(memory, results.AsMemory(1, 1), [])));
        }
        var nextStates = states.Select(_ => new PinnedFloats(manifest.StateLength)).ToArray();
        for (var i = 0; i < states.Length; i++)
        {
            feeds[manifest.Optimizer.States[i]] = values.Own(states[i].Tensor(memory, 0, whole));
            names.Add(manifest.Optimizer.States[i] + "_next");
            outputs.Add(values.Own(nextStates[i].Tensor(memory, 0, whole)));
        }
        updateModel.Run(runOptions, feeds.Keys, feeds.Values, names, outputs);
        parameters.Dispose();
        parameters = next;
        for (var i = 0; i < states.Length; i++)
        {
            states[i].Dispose();
            states[i] = nextStates[i];
        }
        return (results[1], results[0]);
    }

    private Dictionary<string, OrtValue> Feeds(OrtValues values, float[] inputs, long[] shape)
    {
        var feeds = new Dictionary<string, OrtValue> { [manifest.Inputs[0].Name] = values.Own(OrtValue.CreateTensorValueFromMemory(inputs, shape)) };
        foreach (var parameter in manifest.Parameters)
            feeds[parameter.Name] = values.Own(parameters.Tensor(memory, parameter.Offset, parameter.Shape));
        return feeds;
    }

    private static void Softmax(Span<float> row)
    {
        var highest = float.NegativeInfinity;
        foreach (var logit in row)
            highest = MathF.Max(highest, logit);
        var sum = 0.0;
        foreach (ref var logit in row)
            sum += logit = MathF.Exp(logit - highest);
        foreach (ref var logit in row)
            logit = (float)(logit / sum);
    }
}
