using System.Numerics.Tensors;

namespace OnnxPriors.Priors;

/// <summary>A posterior seen through <see cref="RescaleOptions"/>: diagonal λD + ε, the kept columns of the factor scaled. Nothing is copied.</summary>
public sealed class RescaledPosterior : IPosterior
{
    private readonly IPosterior _source;
    private readonly RescaleOptions _options;
    private readonly float _factorScale;

    /// <summary>Sees a posterior rescaled.</summary>
    /// <exception cref="InvalidPriorException">The options are out of range, or leave fewer than the two columns a prior file must have.</exception>
    public RescaledPosterior(IPosterior source, RescaleOptions options)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        options.Check(source.Metadata.Rank);
        if (options.KeptRank(source.Metadata.Rank) < 2)
            throw new InvalidPriorException("A prior file keeps a rank of at least 2; rank 0 is for baking alone.");
        _source = source;
        _options = options;
        _factorScale = (float)options.FactorScale(source.Metadata.Rank);
        Metadata = source.Metadata with { Rank = options.KeptRank(source.Metadata.Rank) };
    }

    /// <inheritdoc/>
    public PosteriorMetadata Metadata { get; }

    /// <inheritdoc/>
    public IReadOnlyList<TensorShape> Tensors => _source.Tensors;

    /// <inheritdoc/>
    public void ReadMean(int tensor, long start, Span<float> values) => _source.ReadMean(tensor, start, values);

    /// <inheritdoc/>
    public void ReadDiagonal(int tensor, long start, Span<float> values)
    {
        _source.ReadDiagonal(tensor, start, values);
        TensorPrimitives.Multiply(values, (float)_options.Scale, values);
        TensorPrimitives.Add(values, (float)_options.Epsilon, values);
    }

    /// <inheritdoc/>
    public void ReadFactor(int tensor, int column, long start, Span<float> values)
    {
        _source.ReadFactor(tensor, column, start, values);
        TensorPrimitives.Multiply(values, _factorScale, values);
    }
}
