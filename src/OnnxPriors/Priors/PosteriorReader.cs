using System.Collections.Immutable;

namespace OnnxPriors.Priors;

/// <summary>
/// A prior file that is open for reading: its structure is checked, its values stay on the disk until they are asked for. The layout is
/// safetensors with, for a parameter NAME of shape S, <c>mean/NAME</c> S, <c>diagonal/NAME</c> S and, for a rank K above 0,
/// <c>factor/NAME</c> [K, S…], all float32; a Laplace approximation's curvature, summed over the examples, stands as
/// <c>curvature/NAME</c>, running statistics that the fit re-estimated as <c>buffer/NAME</c>.
/// </summary>
public sealed class PosteriorReader : IPosterior, IDisposable
{
    private readonly SafetensorsReader _file;
    private readonly ImmutableArray<(SafetensorsEntry Mean, SafetensorsEntry Diagonal, SafetensorsEntry? Factor, SafetensorsEntry? Curvature)> _entries;
    private readonly ImmutableArray<TensorShape> _shapes;

    private PosteriorReader(SafetensorsReader file)
    {
        _file = file;
        Metadata = PosteriorMetadata.FromStrings(file.Metadata, file.Path);
        var named = file.Entries.ToLookup(entry => PartOf(entry), entry => entry);
        _entries = [.. named["mean"].Select(mean => Assemble(mean, mean.Name["mean/".Length..]))];
        _shapes = [.. _entries.Select(entry => new TensorShape(entry.Mean.Name["mean/".Length..], entry.Mean.Shape))];
        Buffers = [.. named["buffer"].Select(entry => new TensorShape(entry.Name["buffer/".Length..], Float(entry).Shape))];
        foreach (var lone in named["diagonal"].Concat(named["factor"]).Concat(named["curvature"]).Where(entry => file.Find("mean/" + entry.Name[(entry.Name.IndexOf('/') + 1)..]) is null))
            throw Broken($"tensor '{lone.Name}' has no mean beside it");
        if (_shapes.IsEmpty)
            throw Broken("it holds no parameter");
        HasCurvature = named["curvature"].Any();
        if (HasCurvature && _entries.Any(entry => entry.Curvature is null))
            throw Broken($"parameter '{_shapes[_entries.ToList().FindIndex(entry => entry.Curvature is null)].Name}' has no curvature, others have");
    }

    /// <summary>The file, as it was named.</summary>
    public string Path => _file.Path;

    /// <inheritdoc/>
    public PosteriorMetadata Metadata { get; }

    /// <inheritdoc/>
    public IReadOnlyList<TensorShape> Tensors => _shapes;

    /// <summary>Whether the file holds the summed curvature of a Laplace approximation.</summary>
    public bool HasCurvature { get; }

    /// <summary>Name and shape of each re-estimated running statistic; often none.</summary>
    public ImmutableArray<TensorShape> Buffers { get; }

    /// <summary>Opens a prior file and checks its structure, not yet its values (<see cref="PosteriorCheck.CheckValues"/>).</summary>
    /// <exception cref="InvalidPriorException">The file is damaged, no prior, or of a rank that its form cannot have.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static PosteriorReader Open(string path)
    {
        var file = SafetensorsReader.Open(path);
        try
        {
            return new PosteriorReader(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void ReadMean(int tensor, long start, Span<float> values) => _file.Read(_entries[tensor].Mean, start, values);

    /// <inheritdoc/>
    public void ReadDiagonal(int tensor, long start, Span<float> values) => _file.Read(_entries[tensor].Diagonal, start, values);

    /// <inheritdoc/>
    public void ReadFactor(int tensor, int column, long start, Span<float> values) =>
        _file.Read(_entries[tensor].Factor!, column * _entries[tensor].Mean.Count + start, values);

    /// <summary>Reads values of the curvature summed over the examples; only where <see cref="HasCurvature"/>.</summary>
    /// <param name="tensor">The tensor's index in <see cref="Tensors"/>.</param>
    /// <param name="start">The first element, in row-major order.</param>
    /// <param name="values">Filled from there on.</param>
    /// <exception cref="InvalidPriorException">A value is negative or not finite.</exception>
    public void ReadCurvature(int tensor, long start, Span<float> values)
    {
        var entry = _entries[tensor].Curvature!;
        _file.Read(entry, start, values);
        PosteriorCheck.CheckFinite(values, $"'{Path}'", entry.Name, start);
        if (values.ContainsAnyInRange(float.MinValue, -float.Epsilon))
            throw Broken($"tensor '{entry.Name}' has a negative curvature");
    }

    /// <summary>Reads a running statistic whole.</summary>
    /// <param name="name">One of the names of <see cref="Buffers"/>.</param>
    /// <exception cref="InvalidPriorException">The file has no such statistic, or one with values that are not finite.</exception>
    public float[] ReadBuffer(string name)
    {
        var entry = _file.Find("buffer/" + name) ?? throw Broken($"it has no running statistic '{name}'");
        var values = new float[entry.Count];
        _file.Read(entry, 0, values);
        PosteriorCheck.CheckFinite(values, Path, entry.Name, 0);
        return values;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private string PartOf(SafetensorsEntry entry)
    {
        var part = entry.Name.Split('/', 2);
        return part is ["mean" or "diagonal" or "factor" or "curvature" or "buffer", { Length: > 0 }]
            ? part[0]
            : throw Broken($"tensor '{entry.Name}' is none of mean/NAME, diagonal/NAME, factor/NAME, curvature/NAME and buffer/NAME");
    }

    private (SafetensorsEntry, SafetensorsEntry, SafetensorsEntry?, SafetensorsEntry?) Assemble(SafetensorsEntry mean, string name)
    {
        var diagonal = _file.Find("diagonal/" + name) ?? throw Broken($"parameter '{name}' has no diagonal");
        var (factor, curvature) = (_file.Find("factor/" + name), _file.Find("curvature/" + name));
        if (Metadata.Rank == 0 != factor is null)
            throw Broken(factor is null ? $"parameter '{name}' has no factor" : $"parameter '{name}' has a factor, and the rank is 0");
        ImmutableArray<long> wanted = [Metadata.Rank, .. mean.Shape];
        if (!diagonal.Shape.AsSpan().SequenceEqual(mean.Shape.AsSpan()) || factor?.Shape.AsSpan().SequenceEqual(wanted.AsSpan()) == false)
            throw Broken(
                $"parameter '{name}' has mean {SafetensorsHeader.Show(mean.Shape)}, diagonal {SafetensorsHeader.Show(diagonal.Shape)} and factor {(factor is null ? "none" : SafetensorsHeader.Show(factor.Shape))}; rank {Metadata.Rank} needs factor {SafetensorsHeader.Show(wanted)}");
        if (curvature?.Shape.AsSpan().SequenceEqual(mean.Shape.AsSpan()) == false)
            throw Broken($"parameter '{name}' has mean {SafetensorsHeader.Show(mean.Shape)} and curvature {SafetensorsHeader.Show(curvature.Shape)}");
        return (Float(mean), Float(diagonal), factor is null ? null : Float(factor), curvature is null ? null : Float(curvature));
    }

    private SafetensorsEntry Float(SafetensorsEntry entry) =>
        entry.Type == "F32" ? entry : throw Broken($"tensor '{entry.Name}' is {entry.Type}, not F32");

    private InvalidPriorException Broken(string what) =>
        new($"'{_file.Path}' is no sound prior: {what}. Fit the prior again.");
}
