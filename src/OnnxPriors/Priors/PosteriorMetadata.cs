using System.Collections.Immutable;
using System.Globalization;

namespace OnnxPriors.Priors;

/// <summary>How a posterior was made, and what fixes the meaning of its numbers; the metadata of its file.</summary>
public sealed record PosteriorMetadata
{
    /// <summary>What <c>format</c> says in a prior file.</summary>
    public const string Format = "onnxpriors-prior";

    /// <summary>The version of the file's layout that this library writes and reads.</summary>
    public const string Version = "1";

    /// <summary>What D and W are.</summary>
    public PosteriorForm Form { get; init; } = PosteriorForm.Swag;

    /// <summary>What D and W are, in the words of the file.</summary>
    public string Normalisation => Form.Normalisation();

    /// <summary>The method of the fit, such as <c>swag</c>.</summary>
    public required string Method { get; init; }

    /// <summary>K, the number of columns of the factor W; 0 where the covariance is diagonal, and at least 2 where the columns are deviations.</summary>
    public required int Rank { get; init; }

    /// <summary>How many weight vectors the moments were taken over; for a Laplace approximation the number N of examples.</summary>
    public required int Samples { get; init; }

    /// <summary>SHA-256 of the source model's file, in lower-case hexadecimal digits.</summary>
    public required string SourceSha256 { get; init; }

    /// <summary>The seed of the fit.</summary>
    public ulong Seed { get; init; }

    /// <summary>τ of a Laplace approximation: the precision added to N·curvature; null for other forms.</summary>
    public double? PriorPrecision { get; init; }

    /// <summary>Of a merged posterior what its parts were, a JSON array; null where it is one fit's.</summary>
    public string? Parts { get; init; }

    /// <summary>The fit's hyperparameters as a JSON object.</summary>
    public string Hyperparameters { get; init; } = "{}";

    /// <summary>Name and version of the library that made the posterior.</summary>
    public string Producer { get; init; } = $"onnxpriors {typeof(PosteriorMetadata).Assembly.GetName().Version?.ToString(3)}";

    /// <summary>The metadata as the file's strings.</summary>
    public ImmutableSortedDictionary<string, string> ToStrings() => Strings().ToImmutableSortedDictionary(StringComparer.Ordinal);

    private Dictionary<string, string> Strings()
    {
        var strings = new Dictionary<string, string>
        {
            ["format"] = Format,
            ["version"] = Version,
            ["normalisation"] = Normalisation,
            ["method"] = Method,
            ["rank"] = Rank.ToString(CultureInfo.InvariantCulture),
            ["samples"] = Samples.ToString(CultureInfo.InvariantCulture),
            ["source_sha256"] = SourceSha256,
            ["seed"] = Seed.ToString(CultureInfo.InvariantCulture),
            ["hyperparameters"] = Hyperparameters,
            ["producer"] = Producer,
        };
        if (PriorPrecision is { } tau)
            strings["prior_precision"] = tau.ToString("R", CultureInfo.InvariantCulture);
        if (Parts is { } parts)
            strings["parts"] = parts;
        return strings;
    }

    /// <summary>Reads the metadata from a file's strings.</summary>
    /// <param name="strings">The strings.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="InvalidPriorException">The strings are those of another format, version or normalisation, or one is missing or malformed.</exception>
    public static PosteriorMetadata FromStrings(IReadOnlyDictionary<string, string> strings, string path)
    {
        ArgumentNullException.ThrowIfNull(strings);
        if (!strings.TryGetValue("format", out var format) || format != Format)
            throw new InvalidPriorException($"'{path}' is a safetensors file but no prior: its metadata lacks format={Format}. Make one with 'onnxpriors fit'.");
        Require("version", Version);
        var form = PosteriorForms.Parse(Text("normalisation")) ?? throw new InvalidPriorException(
            $"'{path}' says normalisation='{Text("normalisation")}'; this library reads '{PosteriorForms.All}'. Use the version of onnxpriors that made it, or fit again.");
        var metadata = new PosteriorMetadata
        {
            Method = Text("method"),
            Form = form,
            Rank = (int)Number("rank", int.MaxValue),
            Samples = (int)Number("samples", int.MaxValue),
            SourceSha256 = Text("source_sha256"),
            Seed = Number("seed", ulong.MaxValue),
            Hyperparameters = Text("hyperparameters"),
            Producer = Text("producer"),
            PriorPrecision = form == PosteriorForm.Laplace ? Precision(Text("prior_precision")) : null,
            Parts = strings.GetValueOrDefault("parts"),
        };
        if (!form.Allows(metadata.Rank) && form.HasDeviations())
            throw new InvalidPriorException($"'{path}' says rank={metadata.Rank}; deviations / √(2(K − 1)) need a rank K of at least 2. Fit again with --rank 2 or more.");
        if (!form.Allows(metadata.Rank))
            throw new InvalidPriorException($"'{path}' says rank={metadata.Rank} of a covariance that has no factor ('{form.Normalisation()}'). Fit the prior again.");
        return metadata;

        double Precision(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var tau) && double.IsFinite(tau) && tau > 0
            ? tau
            : throw new InvalidPriorException($"'{path}' says prior_precision='{text}', which is no finite number above 0. Fit the prior again.");

        string Text(string key) => strings.TryGetValue(key, out var value)
            ? value
            : throw new InvalidPriorException($"'{path}' lacks '{key}' in its metadata. Fit the prior again.");

        ulong Number(string key, ulong most) => ulong.TryParse(Text(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= most
            ? number
            : throw new InvalidPriorException($"'{path}' says {key}='{Text(key)}', which is not a whole number from 0 to {most}. Fit the prior again.");

        void Require(string key, string expected)
        {
            if (Text(key) != expected)
                throw new InvalidPriorException($"'{path}' says {key}='{Text(key)}'; this library reads '{expected}'. Use the version of onnxpriors that made it, or fit again.");
        }
    }
}
