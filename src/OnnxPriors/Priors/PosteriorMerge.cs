using System.Numerics.Tensors;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OnnxPriors.Priors;

/// <summary>How posteriors of shards are merged.</summary>
public sealed record MergeOptions
{
    /// <summary>K of a merged SWAG posterior: 0 for its moments alone; null for the largest of the parts'.</summary>
    public int? Rank { get; init; }

    /// <summary>τ of a merged Laplace approximation; null for the parts' own, which must then agree.</summary>
    public double? PriorPrecision { get; init; }
}

/// <summary>
/// Merges the posteriors of disjoint shards of the source data into the whole's, where the statistics add up.
/// <code>
/// Laplace        N·F = Σ NᵢFᵢ, from the summed curvatures in the files; D = 1/(N·F + τ)
/// SWAG           n = Σ nᵢ, μ = Σ nᵢμᵢ/n, variance = Σ nᵢ(varianceᵢ + (μᵢ − μ)²)/n
/// its principal  2(n − 1) WWᵀ ≈ Σ 2(nᵢ − 1) WᵢWᵢᵀ + Σ nᵢ (μᵢ − μ)(μᵢ − μ)ᵀ, the best factor of rank K
/// directions
/// </code>
/// The first two hold exactly, up to float32's rounding of what the files hold: a sampled Fisher's too, its shards' draws being as
/// independent as the whole's. The third is exact where no part has left anything out and K leaves nothing out; what a part's compression
/// dropped stays dropped. The last deviations of plain SWAG are from means along each path and say nothing of the whole's: they are
/// refused, unless the moments alone are asked for.
/// </summary>
public sealed class PosteriorMerge : IPosterior
{
    private readonly IReadOnlyList<PosteriorReader> parts;
    private readonly double[] weights;
    private readonly double share;
    private readonly PrincipalDirections? directions;
    private readonly (int Part, int Column, double Scale)[] rows;

    private PosteriorMerge(IReadOnlyList<PosteriorReader> parts, MergeOptions options)
    {
        this.parts = parts;
        var first = parts[0].Metadata;
        var samples = checked(parts.Sum(part => part.Metadata.Samples));
        weights = [.. parts.Select(part => (double)part.Metadata.Samples / samples)];
        share = first.Form == PosteriorForm.SwagDiagonal ? 1 : 0.5;
        rows = first.Form == PosteriorForm.SwagPrincipal && options.Rank != 0 ? [.. Rows(samples)] : [];
        var rank = first.Form == PosteriorForm.SwagPrincipal ? options.Rank ?? parts.Max(part => part.Metadata.Rank) : 0;
        if (rank > rows.Length)
            throw new InvalidPriorException($"The parts hold {rows.Length} directions between them; a factor of rank {rank} cannot be made of those. Give --rank {rows.Length} or less.");
        directions = rank == 0 ? null : PrincipalDirections.Of(Tensors, rows.Length, rank, ReadRow);
        Metadata = first with
        {
            Rank = rank,
            Samples = samples,
            PriorPrecision = first.Form == PosteriorForm.Laplace ? options.PriorPrecision ?? first.PriorPrecision : null,
            Parts = new JsonArray([.. parts.Select(Provenance)]).ToJsonString(JsonSerializerOptions.Default),
            Producer = new PosteriorMetadata { Method = "", Rank = 0, Samples = 0, SourceSha256 = "" }.Producer,
        };
    }

    /// <inheritdoc/>
    public PosteriorMetadata Metadata { get; }

    /// <inheritdoc/>
    public IReadOnlyList<TensorShape> Tensors => parts[0].Tensors;

    /// <summary>The share of the parts' covariance beside the diagonals that the merged factor keeps, 0 to 1; null without one.</summary>
    public double? Explained => directions?.Explained;

    /// <summary>Merges prior files; the result is read from them in pieces, so they must stay open.</summary>
    /// <param name="parts">The files, at least two; one alone where a Laplace approximation's τ is to be another.</param>
    /// <param name="options">How.</param>
    /// <exception cref="InvalidPriorException">They are of different kinds or cannot be added up; the message says which and why.</exception>
    /// <exception cref="PriorMismatchException">They are of different models.</exception>
    public static PosteriorMerge Of(IReadOnlyList<PosteriorReader> parts, MergeOptions options)
    {
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentNullException.ThrowIfNull(options);
        if (parts.Count < 2 && !(parts.Count == 1 && options.PriorPrecision is not null))
            throw new InvalidPriorException("A merge takes two prior files or more.");
        if (options.Rank < 0)
            throw new InvalidPriorException($"--rank is {options.Rank}, and must be 0 or more.");
        if (options.PriorPrecision is { } given && (!double.IsFinite(given) || given <= 0))
            throw new InvalidPriorException(FormattableString.Invariant($"The prior precision is {given}; it must be a finite number above 0."));
        foreach (var part in parts)
        {
            PosteriorCheck.CheckValues(part, $"'{part.Path}'");
            Check(part, parts[0], options);
        }
        return new PosteriorMerge(parts, options);
    }

    /// <summary>Writes the merged posterior as a prior file, in pieces.</summary>
    /// <param name="path">The file to write.</param>
    /// <exception cref="InvalidPriorException">A merged value is none that a Gaussian has.</exception>
    /// <exception cref="IOException">A file cannot be read or made, or the disk is full.</exception>
    public void Write(string path)
    {
        PosteriorCheck.CheckValues(this, "the merged posterior");
        PosteriorFile.Write(path, Metadata, this, [], _ => [], Metadata.Form == PosteriorForm.Laplace ? ReadCurvature : null);
    }

    /// <inheritdoc/>
    public void ReadMean(int tensor, long start, Span<float> values)
    {
        if (Metadata.Form == PosteriorForm.Laplace)
            parts[0].ReadMean(tensor, start, values);
        else
            TensorPrimitives.ConvertTruncating<double, float>(Mean(tensor, start, values.Length), values);
    }

    /// <inheritdoc/>
    public void ReadDiagonal(int tensor, long start, Span<float> values)
    {
        if (Metadata.Form == PosteriorForm.Laplace)
        {
            var curvature = Curvature(tensor, start, values.Length);
            for (var i = 0; i < values.Length; i++)
                values[i] = (float)(1 / (curvature[i] + Metadata.PriorPrecision!.Value));
            return;
        }
        var mean = Mean(tensor, start, values.Length);
        var variance = new double[values.Length];
        for (var part = 0; part < parts.Count; part++)
        {
            parts[part].ReadDiagonal(tensor, start, values);
            for (var i = 0; i < values.Length; i++)
                variance[i] += weights[part] * values[i];
            parts[part].ReadMean(tensor, start, values);
            for (var i = 0; i < values.Length; i++)
                variance[i] += weights[part] * share * (values[i] - mean[i]) * (values[i] - mean[i]);
        }
        TensorPrimitives.ConvertTruncating<double, float>(variance, values);
    }

    /// <inheritdoc/>
    public void ReadFactor(int tensor, int column, long start, Span<float> values)
    {
        var sum = new double[values.Length];
        for (var row = 0; row < rows.Length; row++)
        {
            ReadRow(tensor, row, start, values);
            for (var i = 0; i < values.Length; i++)
                sum[i] += directions!.Mix[column][row] * values[i];
        }
        TensorPrimitives.ConvertTruncating<double, float>(sum, values);
    }

    private void ReadCurvature(int tensor, long start, Span<float> values) =>
        TensorPrimitives.ConvertTruncating<double, float>(Curvature(tensor, start, values.Length), values);

    private double[] Curvature(int tensor, long start, int count) => Sum(count, (part, values) =>
    {
        parts[part].ReadCurvature(tensor, start, values);
        return 1;
    });

    private double[] Mean(int tensor, long start, int count) => Sum(count, (part, values) =>
    {
        parts[part].ReadMean(tensor, start, values);
        return weights[part];
    });

    private double[] Sum(int count, Func<int, float[], double> read)
    {
        var (sum, values) = (new double[count], new float[count]);
        for (var part = 0; part < parts.Count; part++)
        {
            var weight = read(part, values);
            for (var i = 0; i < count; i++)
                sum[i] += weight * values[i];
        }
        return sum;
    }

    /// <summary>The parts' columns, and after them each part's distance from the merged mean: what the merged factor is made of.</summary>
    private IEnumerable<(int Part, int Column, double Scale)> Rows(int samples)
    {
        for (var part = 0; part < parts.Count; part++)
        {
            var metadata = parts[part].Metadata;
            for (var column = 0; column < metadata.Rank; column++)
                yield return (part, column, Math.Sqrt((metadata.Samples - 1.0) / (samples - 1)));
            yield return (part, -1, Math.Sqrt(metadata.Samples / (2.0 * (samples - 1))));
        }
    }

    private void ReadRow(int tensor, int row, long start, Span<float> values)
    {
        var (part, column, scale) = rows[row];
        if (column >= 0)
        {
            parts[part].ReadFactor(tensor, column, start, values);
            TensorPrimitives.Multiply(values, (float)scale, values);
            return;
        }
        var mean = Mean(tensor, start, values.Length);
        parts[part].ReadMean(tensor, start, values);
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)(scale * (values[i] - mean[i]));
    }

    private static void Check(PosteriorReader part, PosteriorReader first, MergeOptions options)
    {
        var (metadata, other) = (part.Metadata, first.Metadata);
        PosteriorCheck.CheckFits(part, first.Tensors, $"'{part.Path}'");
        if (!part.Tensors.SequenceEqual(first.Tensors))
            throw Refused($"'{part.Path}' has its tensors in another order than '{first.Path}'");
        if (metadata.SourceSha256 != other.SourceSha256)
            throw new PriorMismatchException($"'{part.Path}' and '{first.Path}' were fitted to different models (SHA-256 {metadata.SourceSha256} and {other.SourceSha256}). Fit every shard from one file.", []);
        if (metadata.Form != other.Form || metadata.Method != other.Method)
            throw Refused($"'{part.Path}' is of the method {metadata.Method} ('{metadata.Normalisation}') and '{first.Path}' of {other.Method} ('{other.Normalisation}')");
        if (metadata.Hyperparameters.Contains("\"rescaled\"", StringComparison.Ordinal))
            throw Refused($"'{part.Path}' was rescaled, and no longer holds what was counted");
        if (part.Buffers.Length > 0)
            throw Refused($"'{part.Path}' holds running statistics that were estimated at its own mean, which is not the whole's. Fit with --batch-norm frozen");
        if (metadata.Samples < 1)
            throw Refused($"'{part.Path}' does not say how many it was taken over");
        if (metadata.Form == PosteriorForm.Laplace)
            CheckLaplace(part, first, options);
        else if (options.PriorPrecision is not null)
            throw Refused($"--prior-precision is for Laplace approximations, and '{part.Path}' is of the method {metadata.Method}");
        else if (metadata.Form == PosteriorForm.Unhalved || (metadata.Form == PosteriorForm.Swag && metadata.Rank > 0 && options.Rank != 0))
            throw Refused($"'{part.Path}' holds the last deviations along its own path ('{metadata.Normalisation}'), which say nothing of the whole's. Fit with --collected N, or merge the moments alone with --rank 0");
        else if (metadata.Form is PosteriorForm.Swag or PosteriorForm.SwagDiagonal && options.Rank > 0)
            throw Refused($"'{part.Path}' has no directions that a factor of rank {options.Rank} could be made of");
    }

    private static void CheckLaplace(PosteriorReader part, PosteriorReader first, MergeOptions options)
    {
        if (!part.HasCurvature)
            throw Refused($"'{part.Path}' holds no summed curvature");
        if (options.Rank is not (null or 0))
            throw Refused($"'{part.Path}' is a Laplace approximation, which has no factor; leave --rank out");
        if (options.PriorPrecision is null && part.Metadata.PriorPrecision != first.Metadata.PriorPrecision)
            throw Refused(FormattableString.Invariant($"'{part.Path}' has the prior precision {part.Metadata.PriorPrecision} and '{first.Path}' {first.Metadata.PriorPrecision}; say which with --prior-precision"));
        Pieces.ForEach(Pieces.Of(part.Tensors), () => (A: new float[Pieces.Size], B: new float[Pieces.Size]), (piece, _, work) =>
        {
            var (a, b) = (work.A.AsMemory(0, piece.Count), work.B.AsMemory(0, piece.Count));
            part.ReadMean(piece.Tensor, piece.Start, a.Span);
            first.ReadMean(piece.Tensor, piece.Start, b.Span);
            if (!a.Span.SequenceEqual(b.Span))
                throw Refused($"'{part.Path}' and '{first.Path}' hold different weights of '{part.Tensors[piece.Tensor].Name}'");
        });
    }

    private static InvalidPriorException Refused(string why) => new($"These priors cannot be merged: {why}.");

    private static JsonNode? Provenance(PosteriorReader part)
    {
        using var stream = File.OpenRead(part.Path);
        var provenance = new JsonObject
        {
            ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(stream)),
            ["rank"] = part.Metadata.Rank,
            ["samples"] = part.Metadata.Samples,
            ["seed"] = part.Metadata.Seed,
            ["hyperparameters"] = Parsed(part.Metadata.Hyperparameters),
        };
        if (part.Metadata.Parts is { } parts)
            provenance["parts"] = Parsed(parts);
        return provenance;
    }

    private static JsonNode? Parsed(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return text;
        }
    }
}
