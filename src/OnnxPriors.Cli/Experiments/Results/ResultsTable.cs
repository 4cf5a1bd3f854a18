using System.Globalization;
using System.Text;
using System.Text.Json;

namespace OnnxPriors.Cli.Experiments.Results;

/// <summary>
/// The results as files: <c>results.csv</c> for people and spreadsheets, <c>results.jsonl</c> with reliability bins and grids, <c>times.csv</c>
/// apart. Rows stand in the experiment's order and numbers are written so that they read back to the same bits: two runs of one experiment give the same bytes.
/// </summary>
internal static class ResultsTable
{
    private const long MostBytes = 256 << 20;

    private static readonly (string Name, Func<ResultRow, object?> Value)[] Columns =
    [
        ("experiment", row => row.Experiment), ("method", row => row.Method), ("inference", row => row.Inference), ("labels_per_class", row => row.LabelsPerClass),
        ("seed", row => row.Seed), ("tried", row => row.Tried), ("diverged", row => row.Diverged), ("learning_rate", row => row.LearningRate),
        ("variance", row => row.Variance), ("scale", row => row.Scale), ("epsilon", row => row.Epsilon), ("edge", row => row.Edge),
        ("validation_nll", row => row.ValidationNll), ("validation_accuracy", row => row.ValidationAccuracy), ("accuracy", row => row.Test?.Accuracy),
        ("nll", row => row.Test?.Nll), ("brier", row => row.Test?.Brier), ("ece", row => row.Test?.Ece), ("adaptive_ece", row => row.Test?.AdaptiveEce),
        ("aurc", row => row.Test?.Aurc), ("test_examples", row => row.Test?.Examples), ("samples", row => row.Test?.Samples),
    ];

    /// <summary>Writes the three files; each appears whole or not at all.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="suffix">What stands between a name and its ending: empty, or a shard's.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="times">The times.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static void Write(string folder, string suffix, IReadOnlyList<ResultRow> rows, IReadOnlyList<TimeRow> times)
    {
        Write(Path.Combine(folder, $"results{suffix}.csv"), Csv(rows));
        Write(Path.Combine(folder, $"results{suffix}.jsonl"), string.Concat(rows.Select(row => JsonSerializer.Serialize(row, ExperimentJson.Compact.ResultRow) + "\n")));
        Write(Path.Combine(folder, $"times{suffix}.csv"), "experiment,method,inference,labels_per_class,trials,seconds\n" + string.Concat(times.Select(row =>
            string.Create(CultureInfo.InvariantCulture, $"{Quoted(row.Experiment)},{row.Method},{row.Inference},{row.LabelsPerClass},{row.Trials},{row.Seconds:F3}\n"))));
    }

    /// <summary>The table as CSV (RFC 4180).</summary>
    public static string Csv(IReadOnlyList<ResultRow> rows)
    {
        var text = new StringBuilder(string.Join(',', Columns.Select(column => column.Name))).Append('\n');
        foreach (var row in rows)
            text.AppendJoin(',', Columns.Select(column => Quoted(Convert.ToString(column.Value(row), CultureInfo.InvariantCulture) ?? ""))).Append('\n');
        return text.ToString();
    }

    /// <summary>Reads every result in some folders: each <c>results*.jsonl</c>. A row that several have must be the same in all.</summary>
    /// <param name="folders">The folders of experiments or their shards.</param>
    /// <exception cref="ExperimentException">A folder has no results, a file is damaged, or two rows contradict each other.</exception>
    public static IReadOnlyList<ResultRow> Read(IReadOnlyList<string> folders)
    {
        var rows = new Dictionary<string, (ResultRow Row, string Line, string Path)>(StringComparer.Ordinal);
        foreach (var (line, path) in folders.SelectMany(folder => Lines(folder, "results*.jsonl")))
        {
            var row = Parse(line, path);
            var key = string.Create(CultureInfo.InvariantCulture, $"{row.Experiment}\n{row.Method}\n{row.Inference}\n{row.LabelsPerClass}\n{row.Seed}");
            if (!rows.TryAdd(key, (row, line, path)) && rows[key].Line != line)
                throw new ExperimentException(
                    $"'{path}' and '{rows[key].Path}' have different results for '{row.Experiment}', {row.Method}, {row.LabelsPerClass} labels, seed {row.Seed}: "
                    + "they are of two experiments of one name. Report them apart, or give them two names.");
        }
        // As one run of each experiment would have written them.
        return [.. rows.Values.Select(one => one.Row).GroupBy(row => row.Experiment).SelectMany(experiment => experiment.OrderBy(row => row.Place))];
    }

    /// <summary>Reads the times in some folders: each <c>times*.csv</c> that an experiment wrote.</summary>
    public static IReadOnlyList<TimeRow> ReadTimes(IReadOnlyList<string> folders)
    {
        var times = new List<TimeRow>();
        foreach (var path in folders.SelectMany(folder => Directory.EnumerateFiles(folder, "times*.csv").Order(StringComparer.Ordinal)))
            using (var reader = new CsvHelper.CsvReader(new StreamReader(path), CultureInfo.InvariantCulture))
                for (var isFirst = true; reader.Read(); isFirst = false)
                    if (!isFirst && reader.Parser.Count == 6 && int.TryParse(reader[3], out var labels) && int.TryParse(reader[4], out var trials)
                        && double.TryParse(reader[5], NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds))
                        times.Add(new TimeRow(reader[0]!, reader[1]!, reader[2]!, labels, trials, seconds));
        return times;
    }

    private static IEnumerable<(string Line, string Path)> Lines(string folder, string pattern)
    {
        string[] files = Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder, pattern).Order(StringComparer.Ordinal)] : [];
        if (files.Length == 0)
            throw new ExperimentException($"'{folder}' has no results; run 'onnxpriors experiment FILE.yaml -o {folder}' to its end first.");
        foreach (var path in files)
        {
            if (new FileInfo(path).Length > MostBytes)
                throw new ExperimentException($"'{path}' is larger than {MostBytes >> 20} MiB, which no experiment's results are.");
            foreach (var line in File.ReadLines(path))
                if (line.Length > 0)
                    yield return (line, path);
        }
    }

    private static ResultRow Parse(string line, string path)
    {
        try
        {
            return JsonSerializer.Deserialize(line, ExperimentJson.Compact.ResultRow) ?? throw new JsonException("it is null.");
        }
        catch (JsonException error)
        {
            throw new ExperimentException($"'{path}' has a line that is no result: {error.Message}", error);
        }
    }

    private static string Quoted(string text) => text.AsSpan().IndexOfAny(",\"\n\r") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static void Write(string path, string text)
    {
        using var file = AtomicFile.Create(path);
        file.Stream.Write(Encoding.UTF8.GetBytes(text));
        file.Commit();
    }
}
