using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Objectives;

namespace OnnxPriors.Artifacts;

/// <summary>Reads, checks and writes a step folder's <c>manifest.json</c>.</summary>
public static class ManifestFile
{
    private const long MaximumBytes = 64 << 20;

    /// <summary>Reads a step folder's manifest and checks that it does not contradict itself; the other files are not touched.</summary>
    /// <param name="folder">The step folder.</param>
    /// <exception cref="ArtifactException">There is no manifest, it cannot be read, or it is of another schema or inconsistent, or the folder holds no step.</exception>
    public static Manifest Read(string folder)
    {
        var manifest = ReadAny(folder);
        return manifest.HasStep
            ? manifest
            : throw new ArtifactException($"'{folder}' is a package for the ORT Training API alone and holds no step; bake with --target step or both.");
    }

    /// <summary>Reads the manifest of a folder of any target and checks that it does not contradict itself; the other files are not touched.</summary>
    /// <param name="folder">The folder that <c>bake</c> wrote.</param>
    /// <exception cref="ArtifactException">There is no manifest, it cannot be read, or it is of another schema or inconsistent.</exception>
    public static Manifest ReadAny(string folder)
    {
        var path = Path.Combine(folder, StepFiles.Manifest);
        if (!File.Exists(path))
            throw new ArtifactException($"'{folder}' is not a step folder: it has no {StepFiles.Manifest}. Make one with 'onnxpriors bake'.");
        try
        {
            using var stream = File.OpenRead(path);
            if (stream.Length > MaximumBytes)
                throw new ArtifactException($"'{path}' is larger than {MaximumBytes >> 20} MiB, which no manifest is; bake the step again.");
            CheckSchema(stream, path);
            stream.Position = 0;
            var manifest = JsonSerializer.Deserialize(stream, ManifestJson.Default.Manifest)
                ?? throw new ArtifactException($"'{path}' holds no manifest; bake the step again.");
            Check(manifest, path);
            return manifest;
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new ArtifactException($"'{path}' cannot be read as a manifest: {error.Message} Bake the step again.", error);
        }
    }

    /// <summary>Writes a manifest; the file appears whole or not at all.</summary>
    /// <param name="folder">The step folder, which exists.</param>
    /// <param name="manifest">What to write.</param>
    /// <exception cref="ArtifactException">The manifest contradicts itself.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string folder, Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        var path = Path.Combine(folder, StepFiles.Manifest);
        Check(manifest, path);
        using var file = AtomicFile.Create(path);
        JsonSerializer.Serialize(file.Stream, manifest, ManifestJson.Default.Manifest);
        file.Commit();
    }

    /// <summary>The entry of a file that was written into the folder: its length and hash.</summary>
    /// <param name="folder">The step folder.</param>
    /// <param name="name">The file's name in it.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ManifestFileEntry Describe(string folder, string name)
    {
        using var stream = File.OpenRead(Path.Combine(folder, name));
        return new ManifestFileEntry(name, stream.Length, Convert.ToHexStringLower(SHA256.HashData(stream)));
    }

    /// <summary>Checks that every file the manifest names is there, whole and unchanged.</summary>
    /// <param name="folder">The step folder.</param>
    /// <param name="manifest">Its manifest.</param>
    /// <exception cref="ArtifactException">A file is missing or not the one that was baked.</exception>
    public static void VerifyFiles(string folder, Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        foreach (var file in manifest.Files)
            VerifyFile(folder, manifest, file.Name);
    }

    /// <summary>Checks that one file the manifest names is there, whole and unchanged.</summary>
    /// <param name="folder">The step folder.</param>
    /// <param name="manifest">Its manifest.</param>
    /// <param name="name">The file's name.</param>
    /// <exception cref="ArtifactException">The manifest does not name the file, or it is missing or not the one that was baked.</exception>
    public static void VerifyFile(string folder, Manifest manifest, string name)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        var file = manifest.Files.FirstOrDefault(file => file.Name == name)
            ?? throw new ArtifactException($"The manifest in '{folder}' does not name '{name}'; bake the step again.");
        var path = Path.Combine(folder, name);
        if (!File.Exists(path))
            throw new ArtifactException($"The folder '{folder}' lacks '{name}', which its manifest names; bake the step again.");
        var found = new FileInfo(path).Length;
        if (found != file.Bytes)
            throw new ArtifactException($"'{path}' has {found} bytes, but its manifest says {file.Bytes}: it was cut or changed; bake the step again.");
        if (!Describe(folder, name).Sha256.Equals(file.Sha256, StringComparison.OrdinalIgnoreCase))
            throw new ArtifactException($"'{path}' was changed since it was baked: its SHA-256 is not the one in the manifest; bake the step again.");
    }

    private static void CheckSchema(Stream stream, string path)
    {
        using var document = JsonDocument.Parse(stream);
        if (document.RootElement.ValueKind != JsonValueKind.Object
            || !document.RootElement.TryGetProperty("schemaVersion", out var version)
            || version.ValueKind != JsonValueKind.Number || !version.TryGetInt32(out var number))
            throw new ArtifactException($"'{path}' has no schemaVersion, so it is not a step's manifest; make the folder with 'onnxpriors bake'.");
        if (number != Manifest.CurrentSchemaVersion)
            throw new ArtifactException($"'{path}' has manifest schema {number}, and this version of the tool reads schema {Manifest.CurrentSchemaVersion}; bake the step with this version.");
    }

    private static void Check(Manifest manifest, string path)
    {
        void Require(bool condition, string what)
        {
            if (!condition)
                throw new ArtifactException($"'{path}' contradicts itself: {what}. Bake the step again.");
        }

        Require(manifest.Inputs.All(x => x?.Shape.All(d => d is not null) == true) && manifest.Parameters.All(x => x is not null)
            && manifest.Buffers.All(x => x is not null) && manifest.Files.All(x => x is not null)
            && manifest.Optimizer.States.Concat(manifest.Optimizer.Scalars).Concat(manifest.ClassNames ?? []).All(x => x is not null), "a list has a null");
        CheckTask();
        Require(manifest.Classes > 0, $"{manifest.Classes} classes");
        Require(manifest.ClassNames is null || manifest.ClassNames.Count == manifest.Classes,
            $"{manifest.ClassNames?.Count} class names for {manifest.Classes} classes");
        Require(manifest.Inputs.Count > 0, "no inputs");
        Require(manifest.Parameters.Count > 0 && manifest.StateLength > 0, "no parameters to train");
        Require(manifest.Parameters.All(p => p.Role is "features" or "head"), "a parameter's role is neither 'features' nor 'head'");
        Require(manifest.Prior.Kind is "learned" or "isotropic" or "zero" or "none", $"the prior kind '{manifest.Prior.Kind}' is unknown");
        Require(manifest.Prior.Step is null or "proximal", $"the prior's step '{manifest.Prior.Step}' is unknown");
        Require(!manifest.Prior.IsProximal || (manifest.Prior.IsPresent && manifest.Optimizer.Name == "sgd"), $"the proximal step does not go with the prior '{manifest.Prior.Kind}' and the optimizer '{manifest.Optimizer.Name}'");
        Require(manifest.Prior.Evidence is null || (manifest.Prior.IsProximal && manifest.Prior.Evidence.Count == manifest.Parameters.Sum(p => p.Count)), "the prior's evidence bound does not go with its step or its parameters");
        Require(manifest.Prior.Rank is >= 0 and <= 4096, $"the prior's rank is {manifest.Prior.Rank}");
        Require(manifest.Optimizer.Name is "sgd" or "adamw" or "sgld" or "sghmc", $"the optimizer '{manifest.Optimizer.Name}' is unknown");
        _ = manifest.StateLayout();
        _ = manifest.BufferLayout();
        foreach (var file in manifest.Files)
        {
            Require(file.Name.Length > 0 && file.Name is not ("." or "..") && file.Name.AsSpan().IndexOfAny("/\\:\0") < 0,
                $"the file name '{file.Name}' is not a plain name");
            Require(file.Bytes >= 0 && file.Sha256.Length == 64 && file.Sha256.All(char.IsAsciiHexDigit), $"the hash of '{file.Name}' is not a SHA-256");
        }
        var names = manifest.Files.Select(file => file.Name).ToHashSet(StringComparer.Ordinal);
        Require(names.Count == manifest.Files.Count, "a file is named twice");
        if (manifest.OrtTraining is { } package)
            CheckPackage(package);
        if (manifest.OrtTraining is not null && !manifest.HasStep)
            return;
        foreach (var needed in (string[])[StepFiles.Gradient, StepFiles.Eval, StepFiles.Update, StepFiles.Parameters])
            Require(names.Contains(needed), $"'{needed}' is not among its files");
        Require(names.Contains(StepFiles.Perturb) == (manifest.Prior.Evidence is not null), $"'{StepFiles.Perturb}' does not go with a scale that is {(manifest.Prior.Evidence is null ? "given" : "learned")}");
        Require(names.Contains(StepFiles.Prior) == manifest.Prior.IsPresent, $"the prior is '{manifest.Prior.Kind}', and '{StepFiles.Prior}' does not go with that");
        Require(names.Contains(StepFiles.Buffers) == manifest.Buffers.Count > 0, $"'{StepFiles.Buffers}' does not go with {manifest.Buffers.Count} running statistics");
        CheckLength(StepFiles.Parameters, manifest.StateLength);
        if (manifest.Prior.IsPresent)
            CheckLength(StepFiles.Prior, manifest.StateLength * (2 + manifest.Prior.Rank));
        if (manifest.Buffers.Count > 0)
            CheckLength(StepFiles.Buffers, manifest.BufferLength);
        if (names.Contains(StepFiles.States))
            CheckLength(StepFiles.States, manifest.StateLength * manifest.Optimizer.States.Count);
        Require(manifest.Optimizer.InitialStep is >= 0 and <= int.MaxValue, $"the optimizer's first step is {manifest.Optimizer.InitialStep}");

        void CheckTask()
        {
            try
            {
                var due = manifest.Task.Objective().Name;
                Require(manifest.Objective == due, $"the objective '{manifest.Objective}' is not '{due}', the one of {manifest.Task.Name}");
            }
            catch (ObjectiveException error)
            {
                throw new ArtifactException($"'{path}' contradicts itself: {error.Message} Bake the step again.", error);
            }
            Require(manifest.Task.ClassWeights is not { } weights || weights.Count == manifest.Classes && weights.All(w => w >= 0 && double.IsFinite(w)), "the class weights are not one number of 0 or above for each class");
            Require(manifest.Task.Deviation is not { } deviation || deviation > 0 && double.IsFinite(deviation), $"the deviation is {manifest.Task.Deviation}");
        }

        void CheckPackage(ManifestOrtTraining package)
        {
            foreach (var needed in (string[])[OrtTrainingFiles.Training, OrtTrainingFiles.Eval, OrtTrainingFiles.Optimizer, OrtTrainingFiles.Checkpoint, OrtTrainingFiles.Inference])
                Require(names.Contains(needed), $"'{needed}' is not among its files");
            Require(package.Inputs.Count > manifest.Inputs.Count && package.Inputs.All(x => x?.Shape.All(d => d is not null) == true)
                && package.Outputs.Concat(package.Frozen).All(x => x is not null), "the package's inputs, outputs or frozen tensors are incomplete");
            Require(double.IsFinite(package.SuggestedPriorWeight), $"the suggested weight of the prior is {package.SuggestedPriorWeight}");
        }

        void CheckLength(string name, long floats)
        {
            var bytes = manifest.Files.First(file => file.Name == name).Bytes;
            Require(bytes == floats * sizeof(float), $"'{name}' has {bytes} bytes where {floats} floats are due");
        }
    }
}

[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Manifest))]
[JsonSerializable(typeof(TaskChoice))]
internal sealed partial class ManifestJson : JsonSerializerContext;
