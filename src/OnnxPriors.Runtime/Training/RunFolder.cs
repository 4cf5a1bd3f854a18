using System.Text.Json;
using OnnxPriors.Artifacts;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Training;

/// <summary>What a run should remember beyond its step.</summary>
public sealed record RunDescription
{
    /// <summary>The classes' names in the order of the labels, where the step does not say.</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>Metadata that an exported model carries on, beside the step's; it wins over that.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>How the run came to be (data, options), as JSON for people and tools; kept as <c>run.json</c>.</summary>
    public string? Origin { get; init; }
}

/// <summary>
/// A training run on disk. It is whole without the step it came of: it holds the manifest and the eval model, its states
/// (θ [P], then the running statistics, float32 little-endian), its metrics and, while it is not finished, its checkpoint.
/// </summary>
public sealed class RunFolder : RunStore
{
    internal const string Metrics = "metrics.jsonl", Checkpoint = "checkpoint.bin", Lock = "lock";

    private const string Origin = "run.json";

    private const string Scale = "scale.json";

    private const string Best = "best.bin", Last = "last.bin", Samples = "samples";

    private RunFolder(string path, Manifest manifest) => (FullPath, Manifest) = (path, manifest);

    /// <summary>Where the run lies.</summary>
    public string FullPath { get; }

    /// <summary>The step it came of.</summary>
    public Manifest Manifest { get; }

    /// <summary>Where the metrics of each epoch stand, one JSON object a line.</summary>
    public string MetricsPath => In(Metrics);

    /// <summary>How the run came to be, as <see cref="RunDescription.Origin"/> had it; null where nothing was said.</summary>
    public string? ReadOrigin() => File.Exists(In(Origin)) ? File.ReadAllText(In(Origin)) : null;

    /// <summary>Whether the run has come to its end.</summary>
    public bool IsFinished => File.Exists(In(Last));

    /// <inheritdoc/>
    public override int SampleCount
    {
        get
        {
            var count = 0;
            while (File.Exists(In(Name(RunState.Samples, count))))
                count++;
            return count;
        }
    }

    /// <summary>Opens a run to read its states; a run that is still training can be read too.</summary>
    /// <param name="folder">The folder <c>train</c> wrote.</param>
    /// <exception cref="RunException">It is no run.</exception>
    /// <exception cref="ArtifactException">Its manifest or eval model is damaged.</exception>
    public static RunFolder Open(string folder)
    {
        if (!File.Exists(Path.Combine(folder, StepFiles.Eval)) || !File.Exists(Path.Combine(folder, StepFiles.Manifest)))
            throw new RunException($"'{folder}' is not a run: it has no {StepFiles.Eval} and {StepFiles.Manifest}. Make one with 'onnxpriors train'.");
        var manifest = ManifestFile.Read(folder);
        foreach (var name in EvalFiles(manifest))
            ManifestFile.VerifyFile(folder, manifest, name);
        return new RunFolder(Path.GetFullPath(folder), manifest);
    }

    /// <summary>What the run learned of its prior's scale; null where it learned nothing, or is not finished.</summary>
    /// <exception cref="RunException">The file is not one that training wrote.</exception>
    public LearnedScale? ReadScale()
    {
        try
        {
            return File.Exists(In(Scale)) ? JsonSerializer.Deserialize(File.ReadAllText(In(Scale)), MetricsJson.Default.LearnedScale) : null;
        }
        catch (JsonException error)
        {
            throw new RunException($"'{In(Scale)}' is damaged: {error.Message}", error);
        }
    }

    internal void SaveScale(LearnedScale scale)
    {
        using var file = AtomicFile.Create(In(Scale));
        JsonSerializer.Serialize(file.Stream, scale, MetricsJson.Default.LearnedScale);
        file.Commit();
    }

    /// <summary>Opens the eval model.</summary>
    /// <param name="options">How to run it.</param>
    /// <exception cref="StepException">The runtime cannot load it.</exception>
    public EvalSession OpenModel(StepOptions? options = null) => new(FullPath, Manifest, options ?? new StepOptions());

    /// <summary>Makes a folder ready to train in: the step's manifest and eval model are copied, and nothing of an earlier start remains.</summary>
    internal static RunFolder Create(string folder, StepSession session, RunDescription description)
    {
        var manifest = session.Manifest with
        {
            ClassNames = description.ClassNames ?? session.Manifest.ClassNames,
            Preprocessing = session.Manifest.Preprocessing.Concat(description.Metadata)
                .GroupBy(pair => pair.Key, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Last().Value),
        };
        var run = new RunFolder(Path.GetFullPath(folder), manifest);
        run.RemovePartialFiles();
        foreach (var name in EvalFiles(manifest))
        {
            using var file = AtomicFile.Create(run.In(name));
            using (var source = File.OpenRead(Path.Combine(session.Folder, name)))
                source.CopyTo(file.Stream);
            file.Commit();
        }
        ManifestFile.Write(run.FullPath, manifest);
        if (description.Origin is { } origin)
        {
            using var file = AtomicFile.Create(run.In(Origin));
            file.Stream.Write(System.Text.Encoding.UTF8.GetBytes(origin));
            file.Commit();
        }
        run.Rewind(Progress.Start());
        File.Delete(run.In(Last));
        File.Delete(run.In(Best));
        return run;
    }

    // The file of frozen tensors comes first: a folder with an eval model counts as a run.
    private static IEnumerable<string> EvalFiles(Manifest manifest) =>
        manifest.Files.Any(file => file.Name == StepFiles.Frozen) ? [StepFiles.Frozen, StepFiles.Eval] : [StepFiles.Eval];

    /// <summary>Refuses a folder that cannot become, or be resumed as, a run; looks only.</summary>
    /// <exception cref="RunException">It holds a run and shall not be resumed, holds none and shall, or holds something else.</exception>
    internal static void CheckPlace(string folder, bool resume)
    {
        if (File.Exists(folder))
            throw new RunException($"'{folder}' is a file; give the name of a folder.");
        if (!Directory.Exists(folder))
        {
            if (resume)
                throw new RunException($"There is no run '{folder}' to resume; leave --resume out to begin one.");
            return;
        }
        var isRun = File.Exists(Path.Combine(folder, StepFiles.Eval));
        if (isRun && !resume)
            throw new RunException($"'{folder}' already holds a run; go on with --resume, or give another folder.");
        var isForeign = !isRun && Directory.EnumerateFileSystemEntries(folder)
            .Any(entry => Path.GetFileName(entry) is var name && name != Lock && !name.EndsWith(".partial", StringComparison.Ordinal));
        if (isForeign || File.Exists(Path.Combine(folder, StepFiles.Update)))
            throw new RunException($"'{folder}' holds something other than a run; give a folder that is empty or not there yet.");
    }

    /// <summary>Takes a run that came to nothing away, all but its lock. Only the holder of the lock may.</summary>
    internal static void Discard(string folder)
    {
        foreach (var name in (string[])[Checkpoint, Last, Best, Metrics, Origin, Scale, StepFiles.Manifest, StepFiles.Eval, StepFiles.Frozen])
            File.Delete(Path.Combine(folder, name));
        if (Directory.Exists(Path.Combine(folder, Samples)))
            Directory.Delete(Path.Combine(folder, Samples), recursive: true);
    }

    /// <summary>Takes the lock of a discarded run away, and its folder where nothing else is in it.</summary>
    internal static void DiscardLock(string folder)
    {
        File.Delete(Path.Combine(folder, Lock));
        if (!Directory.EnumerateFileSystemEntries(folder).Any())
            Directory.Delete(folder);
    }

    /// <summary>Removes what a killed process left half-written. Only the holder of the lock may.</summary>
    internal void RemovePartialFiles()
    {
        foreach (var folder in (string[])[FullPath, In(Samples)])
            if (Directory.Exists(folder))
                foreach (var partial in Directory.EnumerateFiles(folder, ".*.partial"))
                    File.Delete(partial);
    }

    /// <summary>Takes the run back to a checkpoint: what was written after it will be written again.</summary>
    internal void Rewind(Progress progress)
    {
        for (var i = progress.Samples; File.Exists(In(Name(RunState.Samples, i))); i++)
            File.Delete(In(Name(RunState.Samples, i)));
        using var metrics = new FileStream(MetricsPath, FileMode.OpenOrCreate, FileAccess.Write);
        if (metrics.Length > progress.MetricsLength)
            metrics.SetLength(progress.MetricsLength);
    }

    /// <summary>The metrics of the epochs so far.</summary>
    /// <exception cref="RunException">A line is not one that training wrote.</exception>
    public IReadOnlyList<EpochMetrics> ReadMetrics()
    {
        if (!File.Exists(MetricsPath))
            return [];
        try
        {
            return [.. File.ReadLines(MetricsPath).Select(line => JsonSerializer.Deserialize(line, MetricsJson.Default.EpochMetrics)!)];
        }
        catch (JsonException error)
        {
            throw new RunException($"'{MetricsPath}' is damaged: {error.Message}", error);
        }
    }

    internal long MetricsLength => File.Exists(MetricsPath) ? new FileInfo(MetricsPath).Length : 0;

    internal override void Append(EpochMetrics metrics)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(metrics, MetricsJson.Default.EpochMetrics);
        using var file = new FileStream(MetricsPath, FileMode.Append, FileAccess.Write, FileShare.Read);
        file.Write([.. line, (byte)'\n']);
    }

    internal override void Save(RunState which, int sample, StepSession session)
    {
        var path = In(Name(which, sample));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var file = AtomicFile.Create(path, (session.Layout.Length + session.BufferLayout.Length) * sizeof(float));
        Training.Checkpoint.WriteState(file.Stream, session);
        file.Commit();
    }

    internal string In(string name) => Path.Combine(FullPath, name);

    private protected override bool Has(RunState which) => File.Exists(In(Name(which, 0)));

    private protected override EvalState Open(RunState which, int sample) => EvalState.Map(In(Name(which, sample)), Manifest);

    private static string Name(RunState which, int sample) => which switch
    {
        RunState.Samples => Path.Combine(Samples, $"{sample + 1:D4}.bin"),
        RunState.Best => Best,
        _ => Last,
    };
}
