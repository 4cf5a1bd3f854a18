using System.Collections.Immutable;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;

namespace OnnxPriors.Artifacts.OrtTraining;

/// <summary>
/// What a device trained, read back against the package it was trained from: a checkpoint that the runtime saved, or the bare parameter
/// buffer (float32, tensor after tensor) that the JavaScript API hands out in place of one.
/// </summary>
public sealed class DeviceCheckpoint
{
    private readonly string folder;
    private readonly string path;

    private DeviceCheckpoint(string folder, string path, Manifest manifest, IReadOnlyList<CheckpointTensor> parameters, TrainingCheckpoint? source) =>
        (this.folder, this.path, Manifest, Parameters, Source) = (folder, path, manifest, parameters, source);

    /// <summary>The package's manifest.</summary>
    public Manifest Manifest { get; }

    /// <summary>The trained parameters in the manifest's order.</summary>
    public IReadOnlyList<CheckpointTensor> Parameters { get; }

    /// <summary>The whole checkpoint; null for a bare buffer.</summary>
    public TrainingCheckpoint? Source { get; }

    /// <summary>Reads what a device trained and checks that it belongs to a package.</summary>
    /// <param name="path">The checkpoint or parameter buffer.</param>
    /// <param name="folder">The package.</param>
    /// <exception cref="ArtifactException">The file is damaged or of another package, or a file of the package is missing or changed; the message names what does not fit.</exception>
    public static DeviceCheckpoint Open(string path, string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var manifest = ManifestFile.ReadAny(folder);
        if (manifest.OrtTraining is null)
            throw new ArtifactException($"'{folder}' holds no package for the ORT Training API; bake with --target ort-training or both.");
        if (!File.Exists(path))
            throw new ArtifactException($"There is no checkpoint '{path}'.");
        ManifestFile.VerifyFiles(folder, manifest);
        if (!TrainingCheckpointFile.IsCheckpoint(path))
            return new(folder, path, manifest, Buffer(path, manifest, folder), null);
        var checkpoint = TrainingCheckpointFile.Read(path);
        if (checkpoint.IsNominal)
            throw new ArtifactException($"'{path}' is a nominal checkpoint: it has the parameters' names and no values. Save the checkpoint after training.");
        var package = manifest.Files.First(f => f.Name == OrtTrainingFiles.Training).Sha256;
        if (checkpoint.Texts.TryGetValue(OrtTrainingBaker.PackageProperty, out var origin) && origin != package)
            throw new ArtifactException($"'{path}' was trained from another package than '{folder}': it names the training model {origin[..Math.Min(12, origin.Length)]}…, and this one's is {package[..12]}…. Give the package it came with.");
        return new(folder, path, manifest, Match(checkpoint, manifest, path, folder), checkpoint);
    }

    /// <summary>The trained model for inference: the package's own with the new parameters inside, and a Softmax behind the logits.</summary>
    /// <exception cref="ArtifactException">A parameter is no number any more.</exception>
    public Model Export()
    {
        var layout = Manifest.StateLayout();
        var theta = new float[layout.Length];
        foreach (var parameter in Parameters)
            Finite(parameter).CopyTo(theta, layout[parameter.Name].Offset);
        return PersonalModel.Build(OnnxFile.Load(Path.Combine(folder, OrtTrainingFiles.Inference)), layout, theta);
    }

    /// <summary>Makes a step folder that goes on where the device stopped: its parameters, and its optimizer's moments and step where there are any.</summary>
    /// <param name="target">The folder to make.</param>
    /// <returns>The new folder's manifest.</returns>
    /// <exception cref="ArtifactException">The package holds no step, or a value is no number any more.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public Manifest Resume(string target)
    {
        if (!Manifest.HasStep)
            throw new ArtifactException($"'{folder}' holds no step to go on in; bake the model with --target both.");
        StepBaker.CheckPlace(target);
        using var output = AtomicFolder.Create(target);
        var layout = Manifest.StateLayout();
        var files = new List<ManifestFileEntry>();
        foreach (var name in (string[])[StepFiles.Gradient, StepFiles.Eval, StepFiles.Update, StepFiles.Prior, StepFiles.Buffers])
            if (Manifest.Files.FirstOrDefault(f => f.Name == name) is { } file)
            {
                File.Copy(Path.Combine(folder, name), Path.Combine(output.Path, name));
                files.Add(file);
            }
        var values = Parameters.ToDictionary(p => p.Name, Finite, StringComparer.Ordinal);
        files.Add(FlatFile.Write(output.Path, StepFiles.Parameters, layout, (entry, start, part) => values[entry.Name].AsSpan((int)start, part.Length).CopyTo(part)));
        var moments = Moments();
        if (moments.Count > 0)
            files.Add(FlatFile.Write(output.Path, StepFiles.States, layout.Length * moments.Count, file =>
            {
                for (var i = 0; i < moments.Count; i++)
                    foreach (var entry in layout.Entries)
                        FlatFile.Put(file, i * layout.Length + entry.Offset, moments[i][entry.Name]);
            }));
        var manifest = Manifest with
        {
            OrtTraining = null,
            Files = files,
            Optimizer = Manifest.Optimizer with { InitialStep = Source?.Optimizer?.Step ?? 0 },
        };
        ManifestFile.Write(output.Path, manifest);
        output.Commit();
        return manifest;
    }

    // One dictionary for each state of the step's rule, in its order; none where the step starts with zeros.
    private List<Dictionary<string, float[]>> Moments()
    {
        if (Source?.Optimizer is not { States.Count: > 0 } optimizer || Manifest.Optimizer.Name != "adamw")
            return [];
        var byName = optimizer.States.ToDictionary(s => s.Parameter, s => s.Moments, StringComparer.Ordinal);
        return [.. Manifest.Optimizer.States.Select((_, i) => Manifest.Parameters.ToDictionary(p => p.Name, p =>
        {
            var name = FormattableString.Invariant($"momentum{i}");
            var moment = byName.GetValueOrDefault(p.Name)?.FirstOrDefault(m => m.Name == name);
            return moment is not null && moment.Count == p.Count
                ? Finite(moment)
                : throw new ArtifactException($"'{path}' has no '{name}' of {p.Count} numbers for the parameter '{p.Name}'; save the checkpoint with its optimizer's state.");
        }, StringComparer.Ordinal))];
    }

    private float[] Finite(CheckpointTensor tensor)
    {
        var values = tensor.ToSingles();
        return Array.TrueForAll(values, float.IsFinite)
            ? values
            : throw new ArtifactException($"'{path}' holds a value in '{tensor.Name}' that is not finite: the training diverged. Lower the learning rate and train again.");
    }

    private static ImmutableArray<CheckpointTensor> Match(TrainingCheckpoint checkpoint, Manifest manifest, string path, string folder)
    {
        var found = checkpoint.Trainable.ToDictionary(t => t.Name, StringComparer.Ordinal);
        var wrong = manifest.Parameters
            .Where(p => !found.TryGetValue(p.Name, out var tensor) || !tensor.Dimensions.SequenceEqual(p.Shape) || tensor.Type != ElementType.Float)
            .Select(p => found.TryGetValue(p.Name, out var tensor) ? $"'{p.Name}' is [{string.Join(", ", tensor.Dimensions)}], not [{string.Join(", ", p.Shape)}]" : $"'{p.Name}' is missing").ToList();
        wrong.AddRange(found.Keys.Except(manifest.Parameters.Select(p => p.Name)).Select(name => $"'{name}' is unknown"));
        return wrong.Count == 0
            ? [.. manifest.Parameters.Select(p => found[p.Name])]
            : throw new ArtifactException($"'{path}' is of another model than '{folder}': {string.Join("; ", wrong.Take(5))}{(wrong.Count > 5 ? $"; {wrong.Count - 5} more" : "")}. Give the package it was trained from.");
    }

    private static ImmutableArray<CheckpointTensor> Buffer(string path, Manifest manifest, string folder)
    {
        var due = manifest.Parameters.Sum(p => p.Count) * sizeof(float);
        var found = new FileInfo(path).Length;
        if (found != due)
            throw new ArtifactException($"'{path}' is neither a checkpoint nor a parameter buffer of '{folder}': it does not begin as a checkpoint does, and has {found} bytes where the parameters take {due}.");
        var offset = 0L;
        var tensors = ImmutableArray.CreateBuilder<CheckpointTensor>();
        foreach (var p in manifest.Parameters)
        {
            tensors.Add(OrtTrainingBaker.Piece(p.Name, [.. p.Shape], path, offset));
            offset += p.Count;
        }
        return tensors.ToImmutable();
    }
}
