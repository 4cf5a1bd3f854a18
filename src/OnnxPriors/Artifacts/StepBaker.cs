using System.Collections.Immutable;
using System.Globalization;
using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Objectives;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Priors;

namespace OnnxPriors.Artifacts;

/// <summary>
/// Bakes a step: the gradient model, the eval model and the update model with initial parameters, prior and running statistics as flat files, and the
/// manifest that names and hashes all of them, in one folder that appears whole or not at all.
/// </summary>
public static class StepBaker
{
    /// <summary>Bakes a step.</summary>
    /// <param name="model">The model, imported with class scores as its one output.</param>
    /// <param name="options">The prior, the optimizer and the rest.</param>
    /// <param name="folder">The folder to make; a step folder that stands there is replaced.</param>
    /// <param name="cancellation">Ends the bake before the folder appears.</param>
    /// <exception cref="ArtifactException">Nothing trains, the head to start from does not fit, or another folder stands there.</exception>
    /// <exception cref="InvalidPriorException">The prior file is damaged, or its options are out of range.</exception>
    /// <exception cref="PriorMismatchException">The prior file belongs to another model.</exception>
    /// <exception cref="Gradients.GradientException">Nodes between trained tensors and scores have no gradient; all are listed.</exception>
    /// <exception cref="ObjectiveException">The scores do not fit the task, or its settings contradict it.</exception>
    /// <exception cref="IOException">A file cannot be read or written, or the disk is full.</exception>
    public static BakeReport Bake(ImportedModel model, BakeOptions options, string folder, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        if (model.Classes is not { } classes || model.Logits is null)
            throw new ArgumentException("The model was imported without class scores.", nameof(model));
        ImmutableArray<TensorRole> trained = [.. model.Trainable];
        if (trained.IsEmpty)
            throw new ArtifactException("Nothing trains: no tensor of the model is selected (--train).");
        CheckPlace(folder);
        var objective = options.Task.Objective();
        if (options.Targets.HasFlag(BakeTargets.OrtTraining) && options.Task.Kind() != LearningTask.Classification)
            throw new ArtifactException($"A package for the ORT Training API classifies, and the task is {options.Task.Name}; bake with --target step.");
        if (options.Prior is { Step: PriorStep.Proximal, Kind: not PriorKind.None } && (options.Optimizer is not Sgd || options.Targets.HasFlag(BakeTargets.OrtTraining)))
            throw new ArtifactException("The proximal step is for --optimizer sgd in the step alone (--target step); bake with --prior-step plain.");
        if (options.Targets.HasFlag(BakeTargets.OrtTraining))
            OrtTrainingBaker.Check(options.Optimizer, options.BatchNormalization, options.OrtTraining);

        using var output = AtomicFolder.Create(folder);
        var layout = StateLayout.Of(trained.Select(t => (t.Name, t.Tensor.Data!.Dimensions.ToArray())));
        var prior = PriorBaker.Write(output.Path, Target(model, trained, layout, options), options.Prior);
        cancellation.ThrowIfCancellationRequested();
        var values = Fitted(model, options.Prior, prior);
        Value[] tensors = [.. trained.Select(t => t.Tensor)];
        // The features of pictures are given to a head of rows; one of pixels needs the picture's size as well.
        var cut = options.CutsFrozenPart && options.Targets == BakeTargets.Step && options.Task.Kind() != LearningTask.Segmentation ? FrozenPrefix.Of(model.Graph, tensors) : null;
        var graph = cut?.Rest ?? model.Graph;
        var gradient = GradientModel.Build(graph, tensors, objective, options.BatchNormalization, values);
        var eval = EvalModel.Build(graph, tensors, options.BatchNormalization, values);

        var files = prior.Files.ToBuilder();
        var buffers = StateLayout.Of(gradient.Buffers.Select(b => (b.Name, b.Tensor.Data!.Dimensions.ToArray())));
        ManifestOrtTraining? package = null;
        if (options.Targets.HasFlag(BakeTargets.OrtTraining))
        {
            var head = trained.Where(t => t.Part == ModelPart.Head).Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
            var source = new OrtTrainingSource(gradient, eval, layout, head, prior.Prior, options.Optimizer, Carried(model));
            (package, var names) = OrtTrainingBaker.Write(output.Path, source, options.OrtTraining, classes);
            cancellation.ThrowIfCancellationRequested();
            files.AddRange(names.Select(name => ManifestFile.Describe(output.Path, name)));
        }
        if (options.Targets.HasFlag(BakeTargets.Step))
        {
            files.AddRange(SaveNetworks(output.Path, Model.Canonical(gradient.Graph), Model.Canonical(eval, Carried(model)), options.InlineBytes));
            files.Add(Save(output.Path, StepFiles.Update, UpdateModel.Build(options.Optimizer, options.Prior.Kind == PriorKind.None ? null : prior.Prior.Rank, options.Prior.Step, options.Prior.LearnsScale)));
            if (options.Prior.LearnsScale)
                files.Add(Save(output.Path, StepFiles.Perturb, PerturbModel.Build()));
            if (cut is not null)
                files.Add(Save(output.Path, StepFiles.Features, Model.Canonical(EvalModel.Build(cut.Features, [], values: values), Carried(model))));
            if (gradient.Buffers.Length > 0)
                files.Add(Statistics(output.Path, gradient.Buffers, buffers, values));
        }
        else
        {
            // The checkpoint holds what the flat files were the source of.
            foreach (var flat in prior.Files)
                File.Delete(Path.Combine(output.Path, flat.Name));
            files.RemoveAll(prior.Files.Contains);
        }

        var manifest = Describe(model, options, classes, trained, gradient, layout, buffers, prior.Prior, [.. files]) with { OrtTraining = package };
        ManifestFile.Write(output.Path, manifest);
        cancellation.ThrowIfCancellationRequested();
        output.Commit();
        ImmutableArray<TensorRole> frozen = [.. model.Tensors.Where(t => t.Use != TensorUse.Trainable)];
        return new(manifest, trained.Length, trained.Sum(t => t.Count), frozen.Length, frozen.Sum(t => t.Count));
    }

    // What stands there goes, so nothing but a step may: no run, and nothing that was put beside a step's files.
    internal static void CheckPlace(string folder)
    {
        if (!Directory.Exists(folder))
            return;
        string[] names = [.. Directory.EnumerateFileSystemEntries(folder).Select(entry => Path.GetFileName(entry)!)];
        if (names.Length > 0 && !(names.Contains(StepFiles.Manifest) && (names.Contains(StepFiles.Update) || names.Contains(OrtTrainingFiles.Training))))
            throw new ArtifactException($"'{folder}' is not empty and no step folder; name another, or empty it.");
        if (names.FirstOrDefault(name => !StepFiles.All.Contains(name) && !OrtTrainingFiles.All.Contains(name)) is { } foreign)
            throw new ArtifactException($"'{folder}' is a step folder that also holds '{foreign}', which a new step would replace; move it, or name another folder.");
    }

    private static PriorTarget Target(ImportedModel model, ImmutableArray<TensorRole> trained, StateLayout layout, BakeOptions options)
    {
        var data = trained.ToDictionary(t => t.Name, t => t.Tensor.Data!, StringComparer.Ordinal);
        var head = trained.Where(t => t.Part == ModelPart.Head).Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, values) in options.Head)
        {
            if (!head.Contains(name) || !data[name].Dimensions.SequenceEqual(values.Dimensions))
                throw new ArtifactException($"The head to start from has '{name}' [{string.Join(", ", values.Dimensions)}], and this model's head has {string.Join(", ", head.Order(StringComparer.Ordinal).Select(own => $"'{own}' [{string.Join(", ", data[own].Dimensions)}]"))}. Take a run of the same model and number of classes.");
            data[name] = values;
        }
        ImmutableArray<TensorRole> source = [];
        if (options.Prior.Kind == PriorKind.Learned)
            // What a fit trains: the model with its own head.
            source = [.. ModelImporter.Import(model.Source, options.Import with { Form = ImportForm.OwnHead, Classes = null, Train = "all" }).Trainable];
        var kept = model.Tensors.Where(t => t.Part == ModelPart.Features).Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        return new PriorTarget(
            layout,
            head,
            (entry, start, values) => Read(data[entry.Name], start, values),
            [.. source.Select(t => new TensorShape(t.Name, t.Tensor.Data!.Dimensions))],
            source.Select(t => t.Name).Where(n => !kept.Contains(n)).ToHashSet(StringComparer.Ordinal))
        {
            // The file itself, or the one it was imported from.
            SourceHashes = [.. new[] { model.Source.Sha256, model.Source.Metadata.GetValueOrDefault(MetadataKeys.Source, "") }.Where(h => h.Length > 0).Distinct()],
        };
    }

    // Where the features' prior was fitted, all of the features stand at its mean: frozen tensors and running statistics with the others.
    private static Dictionary<Value, TensorData> Fitted(ImportedModel model, PriorChoice choice, BakedPrior prior)
    {
        var values = new Dictionary<Value, TensorData>();
        if (choice is not { Kind: PriorKind.Learned, Path: { } path })
            return values;
        using var posterior = PosteriorReader.Open(path);
        var places = posterior.Tensors.Select((tensor, i) => (tensor.Name, i)).ToDictionary(StringComparer.Ordinal);
        var statistics = prior.Buffers.ToDictionary(b => b.Name, StringComparer.Ordinal);
        foreach (var tensor in model.Tensors.Where(t => t.Use != TensorUse.Trainable && t.Part == ModelPart.Features))
        {
            if (places.TryGetValue(tensor.Name, out var place))
            {
                var mean = new float[tensor.Count];
                posterior.ReadMean(place, 0, mean);
                values.Add(tensor.Tensor, TensorData.Of(mean, tensor.Tensor.Data!.Dimensions));
            }
            else if (statistics.TryGetValue(tensor.Name, out var statistic) && statistic.Values.Length == tensor.Count)
            {
                values.Add(tensor.Tensor, TensorData.Of(statistic.Values, tensor.Tensor.Data!.Dimensions));
            }
        }
        return values;
    }

    // What does not train stands in both models, unless it is too large for a message: then both refer to one file.
    private static IEnumerable<ManifestFileEntry> SaveNetworks(string folder, Model gradient, Model eval, long inlineBytes)
    {
        if (OnnxFile.TensorBytes(gradient) <= inlineBytes && OnnxFile.TensorBytes(eval) <= inlineBytes)
            return [Save(folder, StepFiles.Gradient, gradient), Save(folder, StepFiles.Eval, eval)];
        using (var file = AtomicFile.Create(Path.Combine(folder, StepFiles.Frozen)))
        {
            var shared = new ExternalDataWriter(StepFiles.Frozen, file.Stream);
            OnnxFile.Save(gradient, Path.Combine(folder, StepFiles.Gradient), shared);
            OnnxFile.Save(eval, Path.Combine(folder, StepFiles.Eval), shared);
            file.Commit(durable: false);
        }
        return [ManifestFile.Describe(folder, StepFiles.Gradient), ManifestFile.Describe(folder, StepFiles.Eval), ManifestFile.Describe(folder, StepFiles.Frozen)];
    }

    private static ManifestFileEntry Save(string folder, string name, Model model)
    {
        OnnxFile.Save(model, Path.Combine(folder, name), externalData: false);
        return ManifestFile.Describe(folder, name);
    }

    private static ManifestFileEntry Statistics(string folder, ImmutableArray<RunningStatistic> buffers, StateLayout layout, Dictionary<Value, TensorData> values)
    {
        var data = buffers.ToDictionary(b => b.Name, b => values.GetValueOrDefault(b.Tensor, b.Tensor.Data!), StringComparer.Ordinal);
        return FlatFile.Write(folder, StepFiles.Buffers, layout, (entry, start, span) => Read(data[entry.Name], start, span));
    }

    private static void Read(TensorData data, long start, Span<float> values) => data.ReadSingles(start, values);

    // What says how inputs are prepared goes with the step; the source's class names do not where the head is new.
    private static ImmutableSortedDictionary<string, string> Carried(ImportedModel model) => model.Source.Metadata
        .Where(m => m.Key.StartsWith("onnxpriors.", StringComparison.Ordinal) && m.Key is not (MetadataKeys.Classes or MetadataKeys.Source))
        .ToImmutableSortedDictionary(StringComparer.Ordinal);

    private static Manifest Describe(
        ImportedModel model,
        BakeOptions options,
        int classes,
        ImmutableArray<TensorRole> trained,
        GradientModel gradient,
        StateLayout layout,
        StateLayout buffers,
        ManifestPrior prior,
        ImmutableArray<ManifestFileEntry> files)
    {
        var producer = Model.Canonical(gradient.Graph);
        return new()
        {
            Producer = $"{producer.Producer} {producer.ProducerVersion}",
            Opset = (int)producer.Opset,
            IrVersion = (int)producer.IrVersion,
            Objective = options.Task.Objective().Name,
            Task = options.Task,
            Classes = classes,
            ClassNames = options.ClassNames,
            Inputs = [.. gradient.Inputs.Select(Describe)],
            Labels = gradient.ObjectiveInputs[0].Name,
            LabelCount = gradient.ObjectiveInputs[1].Name,
            Loss = gradient.Loss,
            Logits = gradient.Outputs[0],
            Parameters = [.. gradient.Parameters.Select((p, i) => new ManifestParameter(
                p.Name, layout.Entries[i].Shape, layout.Entries[i].Offset, layout.Entries[i].Count, trained[i].Part == ModelPart.Head ? "head" : "features", p.Gradient))],
            StateLength = layout.Length,
            Buffers = [.. gradient.Buffers.Select((b, i) => new ManifestBuffer(b.Name, buffers.Entries[i].Shape, buffers.Entries[i].Offset, buffers.Entries[i].Count, b.Next))],
            BufferLength = buffers.Length,
            Prior = prior,
            Optimizer = new ManifestOptimizer
            {
                Name = options.Optimizer.Name,
                Nesterov = options.Optimizer is Sgd { Nesterov: true },
                States = options.Optimizer.States,
                Scalars = options.Optimizer.Scalars,
                Hyperparameters = options.Optimizer.Hyperparameters,
            },
            Preprocessing = Carried(model),
            Source = new(options.SourceFileName, model.Source.Metadata.GetValueOrDefault(MetadataKeys.Source, model.Source.Sha256)),
            Files = files,
        };
    }

    internal static ManifestInput Describe(Value input) =>
        new(input.Name, TypeName(input.Type), [.. input.Shape?.Select(d => d.Value?.ToString(CultureInfo.InvariantCulture) ?? d.ToString()) ?? []]);

    // ONNX's words are the names of the types in lower case: float, int64, bfloat16.
    private static string TypeName(ElementType type) => type.ToString().ToLowerInvariant();
}
