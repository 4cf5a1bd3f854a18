using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;
using OnnxPriors.Priors;

namespace OnnxPriors.OnDevice;

/// <summary>
/// Trains the step on whatever ONNX Runtime the application carries: the gradient model gives loss and gradients, the update model the next
/// state. Parameters and moments have two buffers each that change places with every update; nothing is allocated on the way.
/// </summary>
internal sealed class StepBackend : IDeviceBackend
{
    private readonly Manifest manifest;
    private readonly RunOptions runOptions = new();
    private readonly OrtMemoryInfo memory = OrtMemoryInfo.DefaultInstance;
    private readonly List<IDisposable> owned = [];
    private readonly InferenceSession gradientModel;
    private readonly InferenceSession updateModel;
    private readonly InferenceSession evalModel;
    private readonly PinnedFloats gradient;
    private readonly PinnedFloats? prior;
    private readonly ProximalGram? gram;
    private readonly Swapped parameters;
    private readonly Swapped[] states;

    public StepBackend(string folder, Manifest manifest)
    {
        this.manifest = manifest;
        try
        {
            gradientModel = Own(Open(folder, StepFiles.Gradient));
            updateModel = Own(Open(folder, StepFiles.Update));
            evalModel = Own(Open(folder, StepFiles.Eval));
            var length = manifest.StateLength;
            parameters = new(Own(PinnedFloats.Read(Path.Combine(folder, StepFiles.Parameters), length)), Own(new PinnedFloats(length)));
            gradient = Own(new PinnedFloats(length));
            states = [.. manifest.Optimizer.States.Select(_ => new Swapped(Own(new PinnedFloats(length)), Own(new PinnedFloats(length))))];
            if (manifest.Files.Any(f => f.Name == StepFiles.States))
                ReadStates(Path.Combine(folder, StepFiles.States));
            if (manifest.Prior.IsPresent)
                prior = Own(PinnedFloats.Read(Path.Combine(folder, StepFiles.Prior), length * (2 + manifest.Prior.Rank)));
            if (manifest.Prior.Evidence is not null)
                throw new OnDeviceException("The step learns its prior's scale, which needs several passes over the data; train it with 'onnxpriors train', and bake what a device gets with --scale-from.");
            if (manifest.Prior is { IsProximal: true, Rank: > 0 })
                gram = ProximalGram.Of((offset, count) => prior!.Span.Slice((int)offset, count), length, manifest.Prior.Rank);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Name => $"the step on ONNX Runtime {DeviceRuntime.Version}";

    public DeviceStep Step(DeviceBatch batch, DeviceTrainingOptions options, long step)
    {
        using var values = new OrtValues();
        var loss = Gradients(values, batch);
        if (!float.IsFinite(loss))
            throw new OnDeviceException($"The loss is {loss} at step {step}; lower the learning rate ({options.LearningRate}) or clip the gradient.");
        var (energy, norm) = Update(values, options, step);
        return new DeviceStep(step, loss, energy, norm);
    }

    public float[] Logits(float[] inputs, long[] shape)
    {
        using var values = new OrtValues();
        using var results = evalModel.Run(runOptions, Feeds(values, inputs, shape), [manifest.Logits]);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }

    public void ReadParameters(Span<float> theta) => parameters.Front.Span.CopyTo(theta);

    public void SaveState(string path)
    {
        using var file = AtomicFile.Create(path);
        file.Stream.Write(MemoryMarshal.AsBytes(parameters.Front.Span));
        foreach (var state in states)
            file.Stream.Write(MemoryMarshal.AsBytes(state.Front.Span));
        file.Commit();
    }

    public void Dispose()
    {
        runOptions.Dispose();
        foreach (var one in owned)
            one.Dispose();
    }

    private T Own<T>(T one) where T : IDisposable
    {
        owned.Add(one);
        return one;
    }

    private static InferenceSession Open(string folder, string file)
    {
        try
        {
            return new InferenceSession(Path.Combine(folder, file));
        }
        catch (OnnxRuntimeException e)
        {
            throw new OnDeviceException($"ONNX Runtime {DeviceRuntime.Version} cannot load '{file}' of the package: {e.Message}. Update the runtime, or bake for this version.", e);
        }
    }

    private void ReadStates(string path)
    {
        using var file = File.OpenRead(path);
        foreach (var state in states)
            file.ReadExactly(MemoryMarshal.AsBytes(state.Front.Span));
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

    private (float Energy, float Norm) Update(OrtValues values, DeviceTrainingOptions options, long step)
    {
        long[] whole = [manifest.StateLength];
        var feeds = new Dictionary<string, OrtValue>
        {
            ["theta"] = values.Own(parameters.Front.Tensor(memory, 0, whole)),
            ["gradient"] = values.Own(gradient.Tensor(memory, 0, whole)),
            ["learning_rate"] = values.Scalar(options.LearningRate),
            ["clip_norm"] = values.Scalar(options.ClipNorm),
        };
        if (prior is not null)
        {
            feeds["prior_mean"] = values.Own(prior.Tensor(memory, 0, whole));
            feeds[manifest.Prior.IsProximal ? "prior_variance" : "prior_precision"] = values.Own(prior.Tensor(memory, manifest.StateLength, whole));
            if (manifest.Prior.Rank > 0)
                feeds["prior_factor"] = values.Own(prior.Tensor(memory, 2 * manifest.StateLength, [manifest.Prior.Rank, manifest.StateLength]));
            feeds["prior_weight"] = values.Scalar(options.PriorWeight);
            if (gram is not null)
            {
                var pace = options.LearningRate * (manifest.Optimizer.Nesterov ? 1 + options.Momentum : 1);
                var inverse = Array.ConvertAll(gram.Inverse((double)pace * options.PriorWeight), value => (float)value);
                feeds["prior_inverse"] = values.Own(OrtValue.CreateTensorValueFromMemory(inverse, [manifest.Prior.Rank, manifest.Prior.Rank]));
            }
        }
        foreach (var scalar in manifest.Optimizer.Scalars)
            feeds[scalar] = values.Scalar(scalar == "momentum" ? options.Momentum : manifest.Optimizer.InitialStep + step);
        var results = new float[2];
        var names = new List<string> { "theta_next", "gradient_norm" };
        var outputs = new List<OrtValue>
        {
            values.Own(parameters.Back.Tensor(memory, 0, whole)),
            values.Own(OrtValue.CreateTensorValueFromMemory<float>(memory, results.AsMemory(0, 1), [])),
        };
        if (prior is not null)
        {
            names.Add("prior_energy");
            outputs.Add(values.Own(OrtValue.CreateTensorValueFromMemory<float>(memory, results.AsMemory(1, 1), [])));
        }
        for (var i = 0; i < states.Length; i++)
        {
            feeds[manifest.Optimizer.States[i]] = values.Own(states[i].Front.Tensor(memory, 0, whole));
            names.Add(manifest.Optimizer.States[i] + "_next");
            outputs.Add(values.Own(states[i].Back.Tensor(memory, 0, whole)));
        }
        updateModel.Run(runOptions, feeds.Keys, feeds.Values, names, outputs);
        parameters.Swap();
        foreach (var state in states)
            state.Swap();
        return (results[1], results[0]);
    }

    private Dictionary<string, OrtValue> Feeds(OrtValues values, float[] inputs, long[] shape)
    {
        var feeds = new Dictionary<string, OrtValue> { [manifest.Inputs[0].Name] = values.Own(OrtValue.CreateTensorValueFromMemory(inputs, shape)) };
        foreach (var parameter in manifest.Parameters)
            feeds[parameter.Name] = values.Own(parameters.Front.Tensor(memory, parameter.Offset, parameter.Shape));
        return feeds;
    }

    /// <summary>Two vectors of which one is current and the other takes the next state.</summary>
    private sealed class Swapped(PinnedFloats front, PinnedFloats back)
    {
        public PinnedFloats Front { get; private set; } = front;

        public PinnedFloats Back { get; private set; } = back;

        public void Swap() => (Front, Back) = (Back, Front);
    }
}
