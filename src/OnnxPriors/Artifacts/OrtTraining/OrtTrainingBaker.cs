using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;

namespace OnnxPriors.Artifacts.OrtTraining;

/// <summary>What a package is made of: the gradient and eval graphs of a bake, and its flat files.</summary>
/// <param name="Gradient">The gradient model, of frozen running statistics.</param>
/// <param name="Eval">The eval model's graph.</param>
/// <param name="Layout">Where the parameters lie in the flat files.</param>
/// <param name="Head">The names of the head's parameters.</param>
/// <param name="Prior">The prior that was baked.</param>
/// <param name="Optimizer">The update rule.</param>
/// <param name="Metadata">What an exported model carries on.</param>
internal sealed record OrtTrainingSource(
    GradientModel Gradient,
    Graph Eval,
    StateLayout Layout,
    IReadOnlySet<string> Head,
    ManifestPrior Prior,
    Optimizer Optimizer,
    ImmutableSortedDictionary<string, string> Metadata);

/// <summary>
/// Writes a package for the ORT Training API: three models, the checkpoint and the model for inference. What <c>parameters.bin</c> and
/// <c>prior.bin</c> hold flat, the checkpoint holds tensor by tensor; it is streamed from one to the other.
/// </summary>
internal static class OrtTrainingBaker
{
    /// <summary>The property under which a checkpoint says which package it belongs to.</summary>
    public const string PackageProperty = "onnxpriors.package";

    // Ten examples a class, where nothing is known of the device's data.
    private const long ExpectedExamplesPerClass = 10;

    /// <summary>Refuses what the API has no place for, before anything is computed.</summary>
    public static void Check(Optimizer optimizer, BatchNormalizationMode mode, OrtTrainingOptions options)
    {
        if (OptimizerModel.Refusal(optimizer) is { } reason)
            throw new ArtifactException($"A package for the ORT Training API cannot train with {optimizer.Name}: {reason}.");
        if (mode == BatchNormalizationMode.Batch)
            throw new ArtifactException("The ORT Training API has no place for running statistics that move, so its package takes the pretrained ones (--batch-norm frozen); or bake the step (--target step).");
        if (options.LearningRate is { } rate && !(float.IsFinite(rate) && rate > 0))
            throw new ArtifactException(string.Create(CultureInfo.InvariantCulture, $"The learning rate {rate} is not a finite number above 0."));
        if (options.Examples is < 1)
            throw new ArtifactException(string.Create(CultureInfo.InvariantCulture, $"{options.Examples} training examples are expected on the device; give a number from 1 on."));
        if (GraphBuilder.CanonicalOpset > options.Version.NewestOpset)
            throw new ArtifactException($"The models are of opset {GraphBuilder.CanonicalOpset}, and ONNX Runtime Training {options.Version} runs up to opset {options.Version.NewestOpset}; give a later --ort-version.");
    }

    /// <summary>Writes the package's files into a folder that holds the flat ones.</summary>
    public static (ManifestOrtTraining Manifest, IReadOnlyList<string> Files) Write(string folder, OrtTrainingSource source, OrtTrainingOptions options, int classes)
    {
        var hasNoise = options.Noise || source.Optimizer is Sgld;
        var priors = TensorPrior.Of(source.Gradient.Parameters.Select(p => (p.Name, source.Head.Contains(p.Name))), source.Prior);
        var models = new TrainingModel(source.Gradient, priors, hasNoise);
        OnnxFile.Save(TrainingModel.ToModel(models.Training), Path.Combine(folder, OrtTrainingFiles.Training));
        OnnxFile.Save(TrainingModel.ToModel(models.Eval), Path.Combine(folder, OrtTrainingFiles.Eval));
        File.WriteAllBytes(Path.Combine(folder, OrtTrainingFiles.Optimizer), OptimizerModel.Build(source.Optimizer, options.LearningRate));
        var parameters = Path.Combine(folder, StepFiles.Parameters);
        OnnxFile.Save(Inference(source, parameters), Path.Combine(folder, OrtTrainingFiles.Inference));
        var checkpoint = new TrainingCheckpoint
        {
            Version = options.Version.CheckpointVersion,
            Trainable = [.. source.Layout.Entries.Select(e => Piece(e.Name, [.. e.Shape], parameters, e.Offset))],
            Frozen =
            [
                .. models.Frozen.Select(f => new CheckpointTensor(f.Name, f.Data.Dimensions, f.Data.Type, stream => stream.Write(f.Data.Bytes.Span))),
                .. priors.SelectMany(p => Tensors(p, source.Layout, Path.Combine(folder, StepFiles.Prior))),
            ],
            Texts = ImmutableSortedDictionary<string, string>.Empty.Add(PackageProperty, ManifestFile.Describe(folder, OrtTrainingFiles.Training).Sha256),
        };
        TrainingCheckpointFile.Write(Path.Combine(folder, OrtTrainingFiles.Checkpoint), checkpoint);
        var manifest = new ManifestOrtTraining
        {
            RuntimeVersion = options.Version.ToString(),
            CheckpointVersion = checkpoint.Version,
            Inputs = [.. models.Inputs.Select(StepBaker.Describe)],
            Outputs = [GradientModel.LossName, GradientModel.LogitsName],
            Frozen = [.. checkpoint.Frozen.Select(t => t.Name)],
            SuggestedPriorWeight = 1.0 / (options.Examples ?? (ExpectedExamplesPerClass * classes)),
            LearningRate = options.LearningRate,
            NoiseScale = hasNoise ? TrainingModel.NoiseScale : null,
        };
        return (manifest, [.. OrtTrainingFiles.All.Where(name => File.Exists(Path.Combine(folder, name)))]);
    }

    private static Model Inference(OrtTrainingSource source, string parameters)
    {
        var b = new GraphBuilder();
        var map = new Dictionary<Value, Value>();
        using var file = File.OpenRead(parameters);
        foreach (var input in source.Eval.Inputs)
            if (source.Layout.Contains(input.Name))
            {
                var entry = source.Layout[input.Name];
                var values = new float[entry.Count];
                file.Position = entry.Offset * sizeof(float);
                file.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
                map[input] = b.Parameter(input.Name, TensorData.Of(values, [.. entry.Shape]));
            }
            else
            {
                map[input] = b.Input(input.Name, input.Type, input.Shape);
            }
        var outputs = b.Inline(source.Eval, map);
        return Model.Canonical(b.Build([(GradientModel.LogitsName, outputs[0])], "inference"), source.Metadata);
    }

    private static IEnumerable<CheckpointTensor> Tensors(TensorPrior prior, StateLayout layout, string file)
    {
        var entry = layout[prior.Parameter];
        if (prior.HasMean)
            yield return Piece(prior.MeanName, [.. entry.Shape], file, entry.Offset);
        yield return Piece(prior.PrecisionName, prior.IsIsotropic ? [] : [.. entry.Shape], file, layout.Length + entry.Offset);
        if (prior.Rank > 0)
            yield return new(prior.FactorName, [prior.Rank, entry.Count], ElementType.Float, stream =>
            {
                for (var k = 0; k < prior.Rank; k++)
                    Copy(file, (2 + k) * layout.Length + entry.Offset, entry.Count, stream);
            });
    }

    /// <summary>A tensor that stands in a file of float32 numbers from an offset on, counted in floats.</summary>
    internal static CheckpointTensor Piece(string name, ImmutableArray<long> dimensions, string file, long offset) =>
        new(name, dimensions, ElementType.Float, stream => Copy(file, offset, dimensions.Aggregate(1L, (product, d) => product * d), stream));

    private static void Copy(string path, long offset, long count, Stream stream)
    {
        using var file = File.OpenRead(path);
        file.Position = offset * sizeof(float);
        var piece = new byte[(int)Math.Min(1 << 18, count * sizeof(float))];
        for (var rest = count * sizeof(float); rest > 0;)
        {
            var part = piece.AsSpan(0, (int)Math.Min(piece.Length, rest));
            file.ReadExactly(part);
            stream.Write(part);
            rest -= part.Length;
        }
    }
}
