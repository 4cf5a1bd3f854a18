using System.Collections.Immutable;

namespace OnnxPriors.Priors;

/// <summary>One parameter tensor's part of a posterior; all values in row-major order.</summary>
/// <param name="Name">The initializer's name in the model.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Mean">μ, one value an element.</param>
/// <param name="Diagonal">D, one value an element; not negative.</param>
/// <param name="Factor">W [K, elements], column after column of the mathematical W; empty for rank 0.</param>
public sealed record PosteriorTensor(string Name, ImmutableArray<long> Shape, float[] Mean, float[] Diagonal, float[] Factor)
{
    /// <summary>Of a Laplace approximation the curvature summed over the examples, one value an element; else null.</summary>
    public float[]? Curvature { get; init; }

    /// <summary>Name and dimensions.</summary>
    public TensorShape TensorShape { get; } = new(Name, Shape);
}

/// <summary>A running statistic (BatchNormalization's mean or variance) as the fit re-estimated it at the posterior's mean.</summary>
/// <param name="Name">The initializer's name in the model.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Values">The values in row-major order.</param>
public sealed record PosteriorBuffer(string Name, ImmutableArray<long> Shape, float[] Values);

/// <summary>
/// A posterior in memory: N(μ, D + WWᵀ) over the parameters of a model; what D and W are, its metadata say (<see cref="PosteriorForm"/>).
/// </summary>
public sealed record Posterior : IPosterior
{
    private readonly ImmutableArray<TensorShape> _shapes;

    /// <summary>Makes a posterior of its parts.</summary>
    /// <param name="metadata">How it was made; its rank is the factor's.</param>
    /// <param name="parameters">The parameter tensors.</param>
    /// <param name="buffers">Re-estimated running statistics, where there are any.</param>
    /// <exception cref="InvalidPriorException">A rank that the form cannot have, arrays that do not have the shape's size, values not finite, or a negative diagonal.</exception>
    public Posterior(PosteriorMetadata metadata, ImmutableArray<PosteriorTensor> parameters, ImmutableArray<PosteriorBuffer> buffers = default)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        Metadata = metadata;
        Parameters = parameters;
        Buffers = buffers.IsDefault ? [] : buffers;
        _shapes = [.. parameters.Select(parameter => parameter.TensorShape)];
        if (!metadata.Form.Allows(metadata.Rank) && !metadata.Form.HasDeviations())
            throw new InvalidPriorException($"A posterior of rank {metadata.Rank} cannot be: '{metadata.Normalisation}' has no factor.");
        if (!metadata.Form.Allows(metadata.Rank))
            throw new InvalidPriorException($"A posterior of rank {metadata.Rank} cannot be: deviations / √(2(K − 1)) need K ≥ 2. Fit with --rank 2 or more.");
        foreach (var tensor in parameters)
        {
            var count = tensor.TensorShape.Count;
            if (tensor.Curvature is { } curvature ? curvature.LongLength != count || curvature.Any(value => !(float.IsFinite(value) && value >= 0)) : metadata.Form == PosteriorForm.Laplace && HasCurvature)
                throw new InvalidPriorException($"Tensor {tensor.TensorShape} needs {count} finite curvatures from 0 up.");
            if (tensor.Mean.LongLength != count || tensor.Diagonal.LongLength != count || tensor.Factor.LongLength != count * metadata.Rank)
                throw new InvalidPriorException(
                    $"Tensor {tensor.TensorShape} needs {count} means and diagonal values and {count * metadata.Rank} factor values; it was given {tensor.Mean.LongLength}, {tensor.Diagonal.LongLength} and {tensor.Factor.LongLength}.");
        }
        foreach (var buffer in Buffers)
            if (buffer.Values.LongLength != new TensorShape(buffer.Name, buffer.Shape).Count)
                throw new InvalidPriorException($"Running statistic '{buffer.Name}' {SafetensorsHeader.Show(buffer.Shape)} was given {buffer.Values.LongLength} values.");
        PosteriorCheck.CheckValues(this, "the posterior");
    }

    /// <inheritdoc/>
    public PosteriorMetadata Metadata { get; }

    /// <summary>The parameter tensors in their order.</summary>
    public ImmutableArray<PosteriorTensor> Parameters { get; }

    /// <summary>Whether the tensors hold the summed curvature of a Laplace approximation, which merging needs.</summary>
    public bool HasCurvature => Parameters.Any(parameter => parameter.Curvature is not null);

    /// <summary>Re-estimated running statistics; often none.</summary>
    public ImmutableArray<PosteriorBuffer> Buffers { get; }

    /// <inheritdoc/>
    public IReadOnlyList<TensorShape> Tensors => _shapes;

    /// <inheritdoc/>
    public void ReadMean(int tensor, long start, Span<float> values) =>
        Parameters[tensor].Mean.AsSpan((int)start, values.Length).CopyTo(values);

    /// <inheritdoc/>
    public void ReadDiagonal(int tensor, long start, Span<float> values) =>
        Parameters[tensor].Diagonal.AsSpan((int)start, values.Length).CopyTo(values);

    /// <inheritdoc/>
    public void ReadFactor(int tensor, int column, long start, Span<float> values)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, _shapes[tensor].Count - values.Length);
        Parameters[tensor].Factor.AsSpan(checked((int)(column * _shapes[tensor].Count + start)), values.Length).CopyTo(values);
    }
}
