using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using OnnxPriors.Priors;

namespace OnnxPriors.PyTorch;

/// <summary>What the numbers of the paper's files are.</summary>
public enum FourFileNormalisation
{
    /// <summary>
    /// As the code of 'Pre-Train Your Loss' takes them: Σ = diag(variance) + rowsᵀrows. Its SWAG writes variances and deviations / √(K − 1),
    /// so that SWAG's ½ is left out, which λ can make up for.
    /// </summary>
    Paper,

    /// <summary>The same numbers with SWAG's ½: Σ = ½ (diag(variance) + rowsᵀrows).</summary>
    Swag,

    /// <summary>Rows that are bare deviations, as Harvey and others (arXiv 2405.15583) read the released files: Σ = ½ (diag(variance) + rowsᵀrows/(K − 1)).</summary>
    Deviations,
}

/// <summary>
/// The four files in which the code of 'Pre-Train Your Loss' (Shwartz-Ziv and others, 2022; github.com/hsouri/BayesianTransferLearning) keeps a
/// prior: <c>NAME_model.pt</c>, the backbone's state dictionary, whose order without its statistics is that of the others' coordinates;
/// <c>NAME_mean.pt</c> [P] and <c>NAME_variance.pt</c> [P]; <c>NAME_covmat.pt</c> [K, P], a row a column of the factor. A fifth file that only this
/// library writes, <c>NAME_onnxpriors.json</c>, states what the numbers mean; without it the reader has to be told.
/// </summary>
public sealed class FourFiles : IPosterior, IDisposable
{
    private const string StatementSuffix = "_onnxpriors.json";

    private readonly StateDictionary model;
    private readonly float[] mean, variance;
    private readonly float[][] rows;
    private readonly long[] offsets;
    private readonly float diagonalScale, factorScale;

    private FourFiles(StateDictionary model, ImmutableArray<TensorShape> tensors, float[] mean, float[] variance, float[][] rows, FourFileMeaning meaning)
    {
        (this.model, this.mean, this.variance, this.rows, Metadata) = (model, mean, variance, rows, meaning.Metadata);
        (diagonalScale, factorScale) = meaning.Scales(rows.Length);
        Tensors = tensors;
        offsets = new long[tensors.Length];
        for (var i = 1; i < offsets.Length; i++)
            offsets[i] = offsets[i - 1] + tensors[i - 1].Count;
    }

    /// <inheritdoc/>
    public PosteriorMetadata Metadata { get; }

    /// <inheritdoc/>
    public IReadOnlyList<TensorShape> Tensors { get; }

    /// <summary>The running statistics in <c>NAME_model.pt</c>.</summary>
    public IReadOnlyList<TensorShape> Statistics => [.. model.Tensors.Where(tensor => IsStatistic(tensor.Name))];

    /// <summary>Opens a folder's four files.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">NAME; null where the folder holds one prior.</param>
    /// <param name="normalisation">What the numbers are; null where the folder states it.</param>
    /// <param name="sourceSha256">The source model that the prior is for.</param>
    /// <exception cref="TorchFileException">A file is missing, damaged or of the wrong shape, or nothing says what the numbers are.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static FourFiles Open(string folder, string? name, FourFileNormalisation? normalisation, string sourceSha256)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var stem = Path.Combine(folder, name ?? NameIn(folder));
        var meaning = FourFileMeaning.Of(stem + StatementSuffix, normalisation, sourceSha256, [.. Parts.Select(part => $"{stem}_{part}.pt")]);
        var model = StateDictionary.Open(stem + "_model.pt");
        try
        {
            var tensors = model.Tensors.Where(tensor => !IsStatistic(tensor.Name)).ToImmutableArray();
            var count = tensors.Sum(tensor => tensor.Count);
            var (mean, variance) = (Vector(stem + "_mean.pt", count), Vector(stem + "_variance.pt", count));
            var rows = Matrix(stem + "_covmat.pt", count, meaning);
            return new FourFiles(model, tensors, mean, variance, rows, meaning with { Metadata = meaning.Metadata with { Rank = rows.Length, Samples = meaning.Samples(rows.Length) } });
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Writes the prior, checked, as a prior file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="statistics">The running statistics to put in: those the model has.</param>
    /// <exception cref="InvalidPriorException">A value is none that a Gaussian has.</exception>
    /// <exception cref="IOException">The file cannot be made, or the disk is full.</exception>
    public void WritePrior(string path, IReadOnlyList<TensorShape> statistics)
    {
        PosteriorCheck.CheckValues(this, "the imported prior");
        PosteriorFile.Write(path, Metadata, this, statistics, model.Read);
    }

    /// <summary>Writes a posterior as the four files and the statement beside them.</summary>
    /// <param name="folder">The folder, which exists.</param>
    /// <param name="name">NAME.</param>
    /// <param name="posterior">The posterior.</param>
    /// <param name="tensors">The indices of its tensors to write, in the order of their coordinates.</param>
    /// <param name="statistics">Running statistics of the backbone for <c>NAME_model.pt</c>, with their values.</param>
    /// <exception cref="IOException">A file cannot be made, or the disk is full.</exception>
    public static void Write(
        string folder, string name, IPosterior posterior, IReadOnlyList<int> tensors, IReadOnlyList<(TensorShape Shape, float[] Values)> statistics)
    {
        ArgumentNullException.ThrowIfNull(posterior);
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(statistics);
        var stem = Path.Combine(folder, name);
        var halved = posterior.Metadata.Form is PosteriorForm.Swag or PosteriorForm.SwagPrincipal;
        var (diagonal, factor) = halved ? (2f, MathF.Sqrt(2)) : (1f, 1f);
        var flat = new FlatView([.. tensors.Select(tensor => posterior.Tensors[tensor].Count)]);
        TorchArchiveWriter.WriteDictionary(stem + "_model.pt",
        [
            .. tensors.Select(tensor => (posterior.Tensors[tensor], (FillTensor?)((start, values) => posterior.ReadMean(tensor, start, values)))),
            .. statistics.Select(one => (one.Shape, (FillTensor?)((start, values) => one.Values.AsSpan((int)start, values.Length).CopyTo(values)))),
            .. statistics.Where(one => one.Shape.Name.EndsWith(".running_mean", StringComparison.Ordinal))
                .Select(one => (new TensorShape(one.Shape.Name[..^"running_mean".Length] + "num_batches_tracked", []), (FillTensor?)null)),
        ]);
        TorchArchiveWriter.WriteTensor(stem + "_mean.pt", [flat.Count], flat.Of((tensor, start, values) => posterior.ReadMean(tensors[tensor], start, values), 1));
        TorchArchiveWriter.WriteTensor(stem + "_variance.pt", [flat.Count], flat.Of((tensor, start, values) => posterior.ReadDiagonal(tensors[tensor], start, values), diagonal));
        var rank = posterior.Metadata.Rank;
        // A reader of the paper's takes at least one row; a diagonal prior has one of zeros.
        var columns = Enumerable.Range(0, rank).Select(k => flat.Of((tensor, start, values) => posterior.ReadFactor(tensors[tensor], k, start, values), factor)).ToArray();
        TorchArchiveWriter.WriteTensor(stem + "_covmat.pt", [Math.Max(1, rank), flat.Count], (start, values) =>
        {
            for (var at = 0; at < values.Length;)
            {
                var (row, from) = Math.DivRem(start + at, flat.Count);
                var piece = values.Slice(at, (int)Math.Min(values.Length - at, flat.Count - from));
                if (rank == 0)
                    piece.Clear();
                else
                    columns[row](from, piece);
                at += piece.Length;
            }
        });
        FourFileMeaning.Write(stem + StatementSuffix, posterior.Metadata);
    }

    /// <inheritdoc/>
    public void ReadMean(int tensor, long start, Span<float> values) => mean.AsSpan((int)(offsets[tensor] + start), values.Length).CopyTo(values);

    /// <inheritdoc/>
    public void ReadDiagonal(int tensor, long start, Span<float> values) => Scaled(variance, diagonalScale, tensor, start, values);

    /// <inheritdoc/>
    public void ReadFactor(int tensor, int column, long start, Span<float> values) => Scaled(rows[column], factorScale, tensor, start, values);

    /// <summary>Closes the files.</summary>
    public void Dispose() => model.Dispose();

    private static readonly string[] Parts = ["model", "mean", "variance", "covmat"];

    private static bool IsStatistic(string name) =>
        name.EndsWith("running_mean", StringComparison.Ordinal) || name.EndsWith("running_var", StringComparison.Ordinal);

    private static string NameIn(string folder)
    {
        const string Suffix = "_mean.pt";
        if (!Directory.Exists(folder))
            throw new TorchFileException($"There is no folder '{folder}'.");
        string[] names = [.. Directory.EnumerateFiles(folder, "*" + Suffix).Select(file => Path.GetFileName(file)[..^Suffix.Length]).Order(StringComparer.Ordinal)];
        return names switch
        {
            [var one] => one,
            [] => throw new TorchFileException($"'{folder}' holds no NAME_mean.pt. The paper's form is NAME_model.pt, NAME_mean.pt, NAME_variance.pt and NAME_covmat.pt."),
            _ => throw new TorchFileException($"'{folder}' holds the priors {string.Join(", ", names)}; say which with --name."),
        };
    }

    private static float[] Vector(string path, long count)
    {
        using var archive = TorchArchive.Open(path);
        var tensor = Tensor(archive);
        return tensor.Shape.Length == 1 && tensor.Count == count ? archive.ReadSingles(tensor) : throw Shape(path, tensor, $"[{count}]");
    }

    private static float[][] Matrix(string path, long count, FourFileMeaning meaning)
    {
        using var archive = TorchArchive.Open(path);
        var tensor = Tensor(archive);
        if (tensor.Shape.Length != 2 || tensor.Shape[1] != count || (meaning.IsStated && tensor.Shape[0] != Math.Max(1, meaning.Metadata.Rank)))
            throw Shape(path, tensor, $"[{(meaning.IsStated ? Math.Max(1, meaning.Metadata.Rank).ToString(CultureInfo.InvariantCulture) : "K")}, {count}]");
        if (meaning.IsStated && meaning.Metadata.Rank == 0)
            return [];
        return tensor.Shape[0] >= 2 || meaning.IsStated ? archive.ReadRows(tensor)
            : throw new TorchFileException($"'{path}' has {tensor.Shape[0]} row; deviations / √(K − 1) need at least 2.");
    }

    private static TorchTensor Tensor(TorchArchive archive) => archive.Root is TorchTensor { IsFloating: true } tensor
        ? tensor
        : throw new TorchFileException($"'{archive.Path}' holds something else than one tensor of floating-point numbers. Save the tensor alone, with torch.save.");

    private static TorchFileException Shape(string path, TorchTensor tensor, string wanted) =>
        new($"'{path}' has the shape [{string.Join(", ", tensor.Shape)}]; the parameters in its _model.pt need {wanted}.");

    private void Scaled(float[] flat, float scale, int tensor, long start, Span<float> values) =>
        System.Numerics.Tensors.TensorPrimitives.Multiply(flat.AsSpan((int)(offsets[tensor] + start), values.Length), scale, values);

    /// <summary>Tensors one after the other as one vector.</summary>
    private sealed class FlatView(long[] counts)
    {
        public delegate void Read(int tensor, long start, Span<float> values);

        public long Count { get; } = counts.Sum();

        public FillTensor Of(Read read, float scale) => (start, values) =>
        {
            var (tensor, begin) = (0, 0L);
            for (var at = 0; at < values.Length;)
            {
                for (; start + at >= begin + counts[tensor]; tensor++)
                    begin += counts[tensor];
                var from = start + at - begin;
                var piece = values.Slice(at, (int)Math.Min(values.Length - at, counts[tensor] - from));
                read(tensor, from, piece);
                if (scale != 1)
                    System.Numerics.Tensors.TensorPrimitives.Multiply(piece, scale, piece);
                at += piece.Length;
            }
        };
    }
}

/// <summary>What the numbers of four files mean: as their statement says, or as the reader was told.</summary>
/// <param name="Metadata">The metadata of the prior they become.</param>
/// <param name="IsStated">Whether the statement is there.</param>
/// <param name="Told">What the reader was told.</param>
internal sealed record FourFileMeaning(PosteriorMetadata Metadata, bool IsStated, FourFileNormalisation Told)
{
    private const int MostStatement = 1 << 20;

    /// <summary>What diagonal and factor are multiplied by.</summary>
    public (float Diagonal, float Factor) Scales(int rank) => (IsStated, Told) switch
    {
        (true, _) => Metadata.Form is PosteriorForm.Swag or PosteriorForm.SwagPrincipal ? (0.5f, (float)Math.Sqrt(0.5)) : (1, 1),
        (_, FourFileNormalisation.Paper) => (1, 1),
        (_, FourFileNormalisation.Swag) => (0.5f, (float)Math.Sqrt(0.5)),
        _ => (0.5f, (float)(1 / Math.Sqrt(2.0 * (rank - 1)))),
    };

    /// <summary>The weight vectors behind the moments, of which the files say nothing: at least those of the factor.</summary>
    public int Samples(int rank) => IsStated ? Metadata.Samples : rank;

    public static FourFileMeaning Of(string statement, FourFileNormalisation? told, string sourceSha256, IReadOnlyList<string> files)
    {
        if (File.Exists(statement))
        {
            if (told is not null)
                throw new TorchFileException($"'{statement}' states what the numbers are; leave --normalisation out, or take that file away.");
            return new(Read(statement) with { SourceSha256 = sourceSha256 }, true, default);
        }
        if (told is not { } normalisation)
            throw new TorchFileException($"Nothing says what the numbers are: there is no '{statement}'. Give --normalisation paper (variance and deviations / √(K − 1), as the paper's code takes them, without SWAG's ½), swag (the same with the ½) or deviations (rows not divided yet).");
        return new(new PosteriorMetadata
        {
            Method = "imported",
            Form = normalisation == FourFileNormalisation.Paper ? PosteriorForm.Unhalved : PosteriorForm.Swag,
            Rank = 0,
            Samples = 0,
            SourceSha256 = sourceSha256,
            Hyperparameters = new JsonObject
            {
                ["normalisation"] = normalisation.ToString().ToLowerInvariant(),
                ["files"] = new JsonObject(files.Where(File.Exists).Select(file => KeyValuePair.Create(Path.GetFileName(file), (JsonNode?)Hash(file)))),
            }.ToJsonString(JsonSerializerOptions.Default),
        }, false, normalisation);
    }

    public static void Write(string path, PosteriorMetadata metadata)
    {
        using var file = AtomicFile.Create(path);
        using (var writer = new Utf8JsonWriter(file.Stream, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            foreach (var (key, value) in metadata.ToStrings())
                writer.WriteString(key, value);
            writer.WriteEndObject();
        }
        file.Commit();
    }

    private static PosteriorMetadata Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > MostStatement)
                throw new TorchFileException($"'{path}' has more than {MostStatement} bytes; it is no statement of this library's.");
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return PosteriorMetadata.FromStrings(document.RootElement.EnumerateObject().ToDictionary(member => member.Name, member => member.Value.GetString() ?? "", StringComparer.Ordinal), path);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new TorchFileException($"'{path}' is no statement of this library's: {error.Message} Take it away and give --normalisation.", error);
        }
    }

    private static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
