using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;
using OnnxPriors.Artifacts.OrtTraining;

namespace OnnxPriors.OnDevice;

/// <summary>
/// Trains through the ORT Training API. Its loss has the prior in it, so the cross-entropy is taken from the logits that come with it, and
/// the prior's energy from what is left. It clips no gradients and its SGD has no momentum; both are refused rather than passed over.
/// </summary>
internal sealed class TrainingApiBackend : IDeviceBackend
{
    private readonly Manifest manifest;
    private readonly ManifestOrtTraining package;
    private readonly CheckpointState checkpoint;
    private readonly TrainingSession session;

    public TrainingApiBackend(string folder, Manifest manifest)
    {
        (this.manifest, package) = (manifest, manifest.OrtTraining!);
        checkpoint = CheckpointState.LoadCheckpoint(Path.Combine(folder, OrtTrainingFiles.Checkpoint));
        try
        {
            session = new TrainingSession(
                checkpoint, Path.Combine(folder, OrtTrainingFiles.Training), Path.Combine(folder, OrtTrainingFiles.Eval), Path.Combine(folder, OrtTrainingFiles.Optimizer));
        }
        catch (OnnxRuntimeException e)
        {
            checkpoint.Dispose();
            throw new OnDeviceException($"ONNX Runtime Training {DeviceRuntime.Version} cannot load the package: {e.Message}. It was baked for {package.RuntimeVersion}; bake it with --ort-version for this one.", e);
        }
    }

    public string Name => $"ONNX Runtime Training {DeviceRuntime.Version}";

    public DeviceStep Step(DeviceBatch batch, DeviceTrainingOptions options, long step)
    {
        if (options.ClipNorm > 0)
            throw new OnDeviceException("The ORT Training API clips no gradients; leave ClipNorm at 0, or train through the step (DeviceBackend.Step).");
        if (manifest.Optimizer.Name == "sgd" && options.Momentum != 0)
            throw new OnDeviceException("The ORT Training API's SGD has no momentum; set Momentum to 0, or train through the step (DeviceBackend.Step).");
        if (package.LearningRate is null)
            session.SetLearningRate(options.LearningRate);
        using var values = new OrtValues();
        using var outputs = session.TrainStep(Inputs(values, batch.Inputs, batch.Shape, batch.Labels, options.PriorWeight));
        var (total, loss) = (outputs.ElementAt(0).GetTensorDataAsSpan<float>()[0], CrossEntropy(outputs.ElementAt(1).GetTensorDataAsSpan<float>(), batch.Labels));
        session.OptimizerStep();
        session.LazyResetGrad();
        return new DeviceStep(step, loss, options.PriorWeight > 0 ? (total - loss) / options.PriorWeight : 0, float.NaN);
    }

    public float[] Logits(float[] inputs, long[] shape)
    {
        using var values = new OrtValues();
        using var outputs = session.EvalStep(Inputs(values, inputs, shape, new long[shape[0]], 0));
        return outputs.ElementAt(1).GetTensorDataAsSpan<float>().ToArray();
    }

    public void ReadParameters(Span<float> theta)
    {
        using var buffer = session.ToBuffer(onlyTrainable: true);
        var values = buffer.GetTensorDataAsSpan<float>();
        foreach (var p in manifest.Parameters)
        {
            values[..(int)p.Count].CopyTo(theta[(int)p.Offset..]);
            values = values[(int)p.Count..];
        }
    }

    public void SaveState(string path) => CheckpointState.SaveCheckpoint(checkpoint, path, includeOptimizerState: true);

    public void Dispose()
    {
        session.Dispose();
        checkpoint.Dispose();
    }

    // By place, as the training model lists them.
    private List<OrtValue> Inputs(OrtValues values, float[] inputs, long[] shape, long[] labels, float priorWeight)
    {
        var given = new List<OrtValue>
        {
            values.Own(OrtValue.CreateTensorValueFromMemory(inputs, shape)),
            values.Own(OrtValue.CreateTensorValueFromMemory(labels, [labels.LongLength])),
            values.Scalar(priorWeight),
        };
        if (package.NoiseScale is not null)
            given.Add(values.Scalar(0));
        return given;
    }

    private float CrossEntropy(ReadOnlySpan<float> logits, long[] labels)
    {
        var total = 0.0;
        for (var i = 0; i < labels.Length; i++)
        {
            var row = logits.Slice(i * manifest.Classes, manifest.Classes);
            var highest = row[0];
            foreach (var logit in row)
                highest = MathF.Max(highest, logit);
            var sum = 0.0;
            foreach (var logit in row)
                sum += Math.Exp(logit - highest);
            total += highest + Math.Log(sum) - row[(int)labels[i]];
        }
        return (float)(total / labels.Length);
    }
}
