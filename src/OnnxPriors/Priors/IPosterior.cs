namespace OnnxPriors.Priors;

/// <summary>
/// A posterior over a model's weights, N(μ, D + WWᵀ), in memory (<see cref="Posterior"/>) or in a file (<see cref="PosteriorReader"/>).
/// Values are asked for in pieces, by any number of threads at once, so that nothing need hold a whole model several times over.
/// </summary>
public interface IPosterior
{
    /// <summary>How the posterior was made.</summary>
    PosteriorMetadata Metadata { get; }

    /// <summary>The parameter tensors in their order.</summary>
    IReadOnlyList<TensorShape> Tensors { get; }

    /// <summary>Reads values of the mean μ.</summary>
    /// <param name="tensor">The tensor's index in <see cref="Tensors"/>.</param>
    /// <param name="start">The first element, in row-major order.</param>
    /// <param name="values">Filled from there on.</param>
    void ReadMean(int tensor, long start, Span<float> values);

    /// <summary>Reads values of the diagonal D ≥ 0.</summary>
    /// <inheritdoc cref="ReadMean" path="/param"/>
    void ReadDiagonal(int tensor, long start, Span<float> values);

    /// <summary>Reads values of one column of the factor W.</summary>
    /// <param name="tensor">The tensor's index in <see cref="Tensors"/>.</param>
    /// <param name="column">The column, from 0 to the rank − 1.</param>
    /// <param name="start">The first element, in row-major order.</param>
    /// <param name="values">Filled from there on.</param>
    void ReadFactor(int tensor, int column, long start, Span<float> values);
}
