using System.Globalization;
using System.Text;
using System.Text.Json;
using OnnxPriors.Cli.Experiments.Results;

namespace OnnxPriors.Cli.Experiments.Running;

/// <summary>
/// The trials' files: one small file each, named by the hash of its settings, which appears whole or not at all. An experiment that was
/// killed finds what was finished and does the rest. Times lie beside them, since they are never the same twice.
/// </summary>
internal sealed class TrialStore
{
    private const long MostBytes = 64 << 20;

    private readonly string trials, times;

    /// <summary>Opens the store of an experiment's folder; makes it where it is not there.</summary>
    /// <param name="folder">The experiment's folder.</param>
    public TrialStore(string folder)
    {
        (trials, times) = (Path.Combine(folder, "trials"), Path.Combine(folder, "times"));
        Directory.CreateDirectory(trials);
        Directory.CreateDirectory(times);
    }

    /// <summary>A finished trial's result, or null.</summary>
    /// <exception cref="ExperimentException">The file is damaged, or another trial's.</exception>
    public TrialResult? Find(string hash)
    {
        var path = Path.Combine(trials, hash + ".json");
        if (!File.Exists(path))
            return null;
        try
        {
            using var file = File.OpenRead(path);
            var result = file.Length <= MostBytes ? JsonSerializer.Deserialize(file, ExperimentJson.Compact.TrialResult) : null;
            if (result is not null && result.Settings.Hash() == hash)
                return result;
        }
        catch (JsonException)
        {
            // Said below.
        }
        throw new ExperimentException($"'{path}' is damaged or of another trial; delete it, and the trial is done again.");
    }

    /// <summary>Keeps a trial's result and how long it took.</summary>
    /// <exception cref="IOException">The disk is full, or the folder cannot be written.</exception>
    public void Keep(string hash, TrialResult result, double seconds)
    {
        Write(Path.Combine(times, hash), seconds.ToString("F3", CultureInfo.InvariantCulture));
        Write(Path.Combine(trials, hash + ".json"), JsonSerializer.Serialize(result, ExperimentJson.Compact.TrialResult));
    }

    /// <summary>How long a trial took, in seconds; null where that is not known.</summary>
    public double? Seconds(string hash)
    {
        var path = Path.Combine(times, hash);
        return File.Exists(path) && double.TryParse(File.ReadAllText(path), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) ? seconds : null;
    }

    private static void Write(string path, string text)
    {
        using var file = AtomicFile.Create(path);
        file.Stream.Write(Encoding.UTF8.GetBytes(text));
        file.Commit();
    }
}
