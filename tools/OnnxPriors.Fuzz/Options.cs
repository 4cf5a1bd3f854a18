using System.Globalization;

namespace OnnxPriors.Fuzz;

/// <summary>What the command line asks for.</summary>
internal sealed record Options
{
    public TimeSpan Duration { get; private init; } = TimeSpan.FromMinutes(2);

    public int Seed { get; private init; } = 1;

    public long First { get; private init; }

    /// <summary>The one case to run; null runs all there is time for.</summary>
    public long? Only { get; private init; }

    public string Out { get; private init; } = "artifacts/fuzz";

    public bool IsWorker { get; private init; }

    /// <summary>Folders whose models are mutated beside those made here.</summary>
    public IReadOnlyList<string> Corpus { get; private init; } = [];

    public static Options Parse(string[] args)
    {
        var options = new Options();
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i] == "--worker")
            {
                options = options with { IsWorker = true };
                continue;
            }
            var value = ++i < args.Length ? args[i] : throw new ArgumentException($"'{args[i - 1]}' lacks its value.");
            options = args[i - 1] switch
            {
                "--seconds" => options with { Duration = TimeSpan.FromSeconds(double.Parse(value, CultureInfo.InvariantCulture)) },
                "--seed" => options with { Seed = int.Parse(value, CultureInfo.InvariantCulture) },
                "--first" => options with { First = long.Parse(value, CultureInfo.InvariantCulture) },
                "--case" => options with { First = long.Parse(value, CultureInfo.InvariantCulture), Only = long.Parse(value, CultureInfo.InvariantCulture) },
                "--out" => options with { Out = value },
                "--corpus" => options with { Corpus = [.. options.Corpus, value] },
                var unknown => throw new ArgumentException($"'{unknown}' is no option; there are --seconds, --seed, --first, --case, --corpus and --out."),
            };
        }
        return options;
    }

    public IEnumerable<string> ForWorker(long first, TimeSpan left)
    {
        List<string> all = ["--worker", "--seconds", left.TotalSeconds.ToString(CultureInfo.InvariantCulture), "--seed", Seed.ToString(CultureInfo.InvariantCulture), "--out", Out];
        all.AddRange([Only is null ? "--first" : "--case", first.ToString(CultureInfo.InvariantCulture)]);
        foreach (var folder in Corpus)
            all.AddRange(["--corpus", folder]);
        return all;
    }
}
