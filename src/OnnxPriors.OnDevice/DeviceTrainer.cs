using System.Globalization;
using System.Runtime.InteropServices;
using OnnxPriors.Artifacts;
using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Onnx;

namespace OnnxPriors.OnDevice;

/// <summary>
/// Trains a baked package on the device: through the ORT Training API where the native library has it, else through the step on whatever
/// ONNX Runtime the application carries; the results are the same. Optimizers that need no noise (SGD, AdamW) are taken.
/// </summary>
/// <example>
/// <code>
/// using var trainer = DeviceTrainer.Open("package");
/// foreach (var step in trainer.Train(batches, new DeviceTrainingOptions { PriorWeight = 1f / examples }))
///     plot.Add(step.Step, step.Loss);
/// trainer.Export("personal.onnx");
/// </code>
/// </example>
public sealed class DeviceTrainer : IDisposable
{
    private readonly string folder;
    private readonly Manifest manifest;
    private readonly IDeviceBackend backend;

    private DeviceTrainer(string folder, Manifest manifest, IDeviceBackend backend) => (this.folder, this.manifest, this.backend) = (folder, manifest, backend);

    /// <summary>The steps taken so far.</summary>
    public long Steps { get; private set; }

    /// <summary>The number of classes C.</summary>
    public int Classes => manifest.Classes;

    /// <summary>The classes' names in the order of the labels, where they are known.</summary>
    public IReadOnlyList<string>? ClassNames => manifest.ClassNames;

    /// <summary>What trains, and the runtime's version.</summary>
    public string BackendName => backend.Name;

    /// <summary>The shape of a batch of so many examples.</summary>
    /// <param name="examples">The number of examples.</param>
    /// <exception cref="OnDeviceException">The model leaves another size open than the batch.</exception>
    public long[] ShapeOf(int examples) =>
        [examples, .. manifest.Inputs[0].Shape.Skip(1).Select(d => long.TryParse(d, NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : throw new OnDeviceException($"The model leaves '{d}' open; give the batch its shape."))];

    /// <summary>Opens a package after checking it against its manifest, and the manifest against the runtime.</summary>
    /// <param name="folder">The folder that <c>bake</c> wrote.</param>
    /// <param name="choice">What shall train.</param>
    /// <exception cref="ArtifactException">The folder is damaged or of a newer schema.</exception>
    /// <exception cref="OnDeviceException">The runtime here cannot run it, or it has several inputs, running statistics or needs noise.</exception>
    public static DeviceTrainer Open(string folder, DeviceBackend choice = DeviceBackend.Automatic)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var manifest = ManifestFile.ReadAny(folder);
        DeviceRuntime.Check(manifest, folder);
        if (manifest.Inputs.Count != 1)
            throw new OnDeviceException($"'{folder}' has {manifest.Inputs.Count} inputs; this library trains models of one. Use OnnxPriors.Runtime.");
        if (manifest.Task.Name != "classification")
            throw new OnDeviceException($"'{folder}' is baked for {manifest.Task.Name}, and this library trains classifiers. Use OnnxPriors.Runtime.");
        if (manifest.Buffers.Count > 0)
            throw new OnDeviceException($"'{folder}' trains with batch statistics, whose running values need OnnxPriors.Runtime. Bake with --batch-norm frozen.");
        if (manifest.Optimizer.Name is not ("sgd" or "adamw"))
            throw new OnDeviceException($"'{folder}' was baked for {manifest.Optimizer.Name}; bake with --optimizer sgd or adamw for a device.");
        var isApi = Choose(manifest, choice, folder);
        ManifestFile.VerifyFiles(folder, manifest);
        return new DeviceTrainer(folder, manifest, isApi ? new TrainingApiBackend(folder, manifest) : new StepBackend(folder, manifest));
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
            if (batch.Labels.FirstOrDefault(l => l < 0 || l >= manifest.Classes, -1) is var bad && batch.Labels.Contains(bad))
                throw new OnDeviceException($"A batch holds the label {bad}; the package has the classes 0 … {manifest.Classes - 1}.");
            var step = backend.Step(batch, options, Steps + 1);
            Steps++;
            yield return step;
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
        var logits = backend.Logits(inputs, shape);
        for (var row = 0; row < logits.Length; row += manifest.Classes)
            Softmax(logits.AsSpan(row, manifest.Classes));
        return logits;
    }

    /// <summary>Writes the parameters [P], float32, little-endian, on the layout that the manifest states.</summary>
    /// <param name="path">The file; it appears whole or not at all.</param>
    public void Save(string path)
    {
        using var file = AtomicFile.Create(path);
        file.Stream.Write(MemoryMarshal.AsBytes(Parameters().AsSpan()));
        file.Commit();
    }

    /// <summary>
    /// Saves parameters and optimizer state: the Training API's own checkpoint, which <c>onnxpriors checkpoint</c> reads, or for the step θ [P]
    /// and then each state [P], float32, little-endian.
    /// </summary>
    /// <param name="path">The file.</param>
    public void SaveState(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        backend.SaveState(path);
    }

    /// <summary>Writes the personalised model as one ONNX file: the preprocessed examples in, class probabilities out.</summary>
    /// <param name="path">The file; it appears whole or not at all.</param>
    /// <exception cref="ArtifactException">A parameter is no number any more.</exception>
    public void Export(string path)
    {
        var model = OnnxFile.Load(Path.Combine(folder, manifest.HasStep ? StepFiles.Eval : OrtTrainingFiles.Inference));
        OnnxFile.Save(PersonalModel.Build(model, manifest.StateLayout(), Parameters()), path);
    }

    /// <inheritdoc/>
    public void Dispose() => backend.Dispose();

    private float[] Parameters()
    {
        var theta = new float[manifest.StateLength];
        backend.ReadParameters(theta);
        return theta;
    }

    private static bool Choose(Manifest manifest, DeviceBackend choice, string folder)
    {
        if (choice == DeviceBackend.Step && !manifest.HasStep)
            throw new OnDeviceException($"'{folder}' holds no step; bake it with --target step or both.");
        if (choice == DeviceBackend.TrainingApi && manifest.OrtTraining is null)
            throw new OnDeviceException($"'{folder}' holds no package for the ORT Training API; bake it with --target ort-training or both.");
        if (choice == DeviceBackend.Step || (choice == DeviceBackend.Automatic && manifest.HasStep && (manifest.OrtTraining is null || !DeviceRuntime.HasTrainingApi)))
            return false;
        return DeviceRuntime.HasTrainingApi
            ? true
            : throw new OnDeviceException($"ONNX Runtime {DeviceRuntime.Version}, which this application carries, has no training API; the NuGet package {DeviceRuntime.TrainingPackage} brings it. {(manifest.HasStep ? "Or train through the step, which the package holds too." : "Or bake the package with --target both and train through the step.")}");
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
