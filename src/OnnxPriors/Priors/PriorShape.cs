using System.Buffers;
using OnnxPriors.Randomness;

namespace OnnxPriors.Priors;

/// <summary>What of a learned covariance Σ = D + WWᵀ goes into the prior.</summary>
public enum PriorShape
{
    /// <summary>All of it.</summary>
    Full,

    /// <summary>Its diagonal alone, D + diag(WWᵀ): each weight keeps its variance, and the correlations go.</summary>
    Diagonal,

    /// <summary>
    /// Within each tensor the weights exchange their rows of D and W, by a permutation that a seed fixes: the tensor keeps all its
    /// variances and correlations and loses where they were. A control: where it does as well as the full shape, the shape does not help.
    /// </summary>
    Permuted,
}

/// <summary>
/// A posterior whose covariance is diagonal, with the variances of another's: D + diag(WWᵀ), as that one will be rescaled and cut. What
/// is read from here is multiplied by λ later, so diag(WWᵀ) is multiplied by f²/λ, f the number that the columns of W would be given.
/// </summary>
/// <param name="inner">The posterior.</param>
/// <param name="options">How it will be rescaled.</param>
internal sealed class DiagonalPosterior(IPosterior inner, RescaleOptions options) : IPosterior
{
    private readonly int columns = options.KeptRank(inner.Metadata.Rank);
    private readonly double weight = Math.Pow(options.FactorScale(inner.Metadata.Rank), 2) / options.Scale;

    /// <inheritdoc/>
    public PosteriorMetadata Metadata { get; } = inner.Metadata with { Rank = 0 };

    /// <inheritdoc/>
    public IReadOnlyList<TensorShape> Tensors => inner.Tensors;

    /// <inheritdoc/>
    public void ReadMean(int tensor, long start, Span<float> values) => inner.ReadMean(tensor, start, values);

    /// <inheritdoc/>
    public void ReadDiagonal(int tensor, long start, Span<float> values)
    {
        inner.ReadDiagonal(tensor, start, values);
        var sums = ArrayPool<double>.Shared.Rent(values.Length);
        var column = ArrayPool<float>.Shared.Rent(values.Length);
        for (var i = 0; i < values.Length; i++)
            sums[i] = values[i];
        for (var k = 0; k < columns; k++)
        {
            inner.ReadFactor(tensor, k, start, column.AsSpan(0, values.Length));
            for (var i = 0; i < values.Length; i++)
                sums[i] += weight * column[i] * column[i];
        }
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)sums[i];
        ArrayPool<double>.Shared.Return(sums);
        ArrayPool<float>.Shared.Return(column);
    }

    /// <inheritdoc/>
    public void ReadFactor(int tensor, int column, long start, Span<float> values) =>
        throw new ArgumentOutOfRangeException(nameof(column), "A diagonal covariance has no factor.");
}

/// <summary>
/// A posterior with its covariance permuted (<see cref="PriorShape.Permuted"/>), in a file of its own that goes when it is disposed: read in
/// pieces, a permuted tensor would be read number by number.
/// </summary>
internal sealed class PermutedPosterior : IDisposable
{
    private readonly string path;

    /// <summary>Makes the file.</summary>
    /// <param name="posterior">The posterior; its means stay where they are.</param>
    /// <param name="seed">The seed of the permutations, one for each tensor.</param>
    /// <param name="folder">Where the file shall stand.</param>
    /// <exception cref="IOException">The file cannot be written, or the disk is full.</exception>
    public PermutedPosterior(IPosterior posterior, ulong seed, string folder)
    {
        path = Path.Combine(folder, ".permuted.safetensors");
        Write(path, posterior, seed);
        Reader = PosteriorReader.Open(path);
    }

    /// <summary>Reads it.</summary>
    public PosteriorReader Reader { get; }

    /// <summary>Takes the file away.</summary>
    public void Dispose()
    {
        Reader.Dispose();
        File.Delete(path);
    }

    /// <summary>Writes the file; of one tensor at a time a row of values is held, twice, and the permutation.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="posterior">The posterior; its means stay where they are.</param>
    /// <param name="seed">The seed of the permutations, one for each tensor.</param>
    /// <exception cref="IOException">The file cannot be written, or the disk is full.</exception>
    private static void Write(string path, IPosterior posterior, ulong seed)
    {
        var rank = posterior.Metadata.Rank;
        var declared = posterior.Tensors.SelectMany(tensor => (TensorShape[])
        [
            tensor with { Name = "mean/" + tensor.Name },
            tensor with { Name = "diagonal/" + tensor.Name },
            new TensorShape("factor/" + tensor.Name, [rank, .. tensor.Shape]),
        ]);
        using var writer = SafetensorsWriter.Create(path, posterior.Metadata.ToStrings(), [.. declared]);
        for (var tensor = 0; tensor < posterior.Tensors.Count; tensor++)
        {
            var count = checked((int)posterior.Tensors[tensor].Count);
            var (row, permuted, order) = (new float[count], new float[count], Permutation.Of(count, seed, (uint)tensor));
            posterior.ReadMean(tensor, 0, row);
            writer.Write(row);
            posterior.ReadDiagonal(tensor, 0, row);
            WriteRow();
            for (var column = 0; column < rank; column++)
            {
                posterior.ReadFactor(tensor, column, 0, row);
                WriteRow();
            }

            void WriteRow()
            {
                for (var i = 0; i < count; i++)
                    permuted[i] = row[order[i]];
                writer.Write(permuted);
            }
        }
        writer.Commit();
    }
}
