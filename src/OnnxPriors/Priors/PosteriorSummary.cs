using System.Collections.Immutable;
using System.Numerics.Tensors;

namespace OnnxPriors.Priors;

/// <summary>What a tensor's part of a posterior, or the whole, amounts to.</summary>
/// <param name="Name">The tensor's name; empty for the whole.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Count">The number of elements.</param>
/// <param name="MeanSquare">The average of μ².</param>
/// <param name="DiagonalVariance">The average of D.</param>
/// <param name="FactorVariance">The average of the diagonal of WWᵀ; together with <paramref name="DiagonalVariance"/> the average variance.</param>
/// <param name="ZeroVarianceCount">On how many elements D and W are 0.</param>
public sealed record TensorSummary(
    string Name, ImmutableArray<long> Shape, long Count, double MeanSquare, double DiagonalVariance, double FactorVariance, long ZeroVarianceCount)
{
    /// <summary>The average variance, D and WWᵀ together.</summary>
    public double Variance => DiagonalVariance + FactorVariance;
}

/// <summary>A posterior in figures: each tensor's and the whole's.</summary>
/// <param name="Metadata">How the posterior was made.</param>
/// <param name="Total">The whole.</param>
/// <param name="Tensors">Each tensor, in the posterior's order.</param>
public sealed record PosteriorSummary(PosteriorMetadata Metadata, TensorSummary Total, ImmutableArray<TensorSummary> Tensors)
{
    /// <summary>Reads a posterior once, on all processors.</summary>
    /// <param name="posterior">The posterior.</param>
    public static PosteriorSummary Of(IPosterior posterior)
    {
        ArgumentNullException.ThrowIfNull(posterior);
        var rank = posterior.Metadata.Rank;
        var pieces = Pieces.Of(posterior.Tensors);
        var sums = new (double Mean, double Diagonal, double Factor, long Zeros)[pieces.Count];
        Pieces.ForEach(pieces, () => (Values: new float[Pieces.Size], Variance: new float[Pieces.Size]), (piece, index, work) =>
        {
            var values = work.Values.AsSpan(0, piece.Count);
            var variance = work.Variance.AsSpan(0, piece.Count);
            posterior.ReadMean(piece.Tensor, piece.Start, values);
            var mean = SumOfSquares(values);
            posterior.ReadDiagonal(piece.Tensor, piece.Start, variance);
            var diagonal = Sum(variance);
            var factor = 0.0;
            for (var column = 0; column < rank; column++)
            {
                posterior.ReadFactor(piece.Tensor, column, piece.Start, values);
                factor += SumOfSquares(values);
                TensorPrimitives.Abs(values, values);
                TensorPrimitives.Add(variance, values, variance);
            }
            sums[index] = (mean, diagonal, factor, variance.Count(0f));
        });
        var all = pieces.Zip(sums).ToLookup(pair => pair.First.Tensor, pair => pair.Second);
        var tensors = posterior.Tensors.Select((tensor, index) => Summarise(tensor.Name, tensor.Shape, tensor.Count, all[index])).ToImmutableArray();
        return new(posterior.Metadata, Summarise("", [], posterior.Tensors.Sum(tensor => tensor.Count), sums), tensors);
    }

    private static TensorSummary Summarise(
        string name, ImmutableArray<long> shape, long count, IEnumerable<(double Mean, double Diagonal, double Factor, long Zeros)> sums)
    {
        var (mean, diagonal, factor, zeros) = sums.Aggregate((0.0, 0.0, 0.0, 0L), (total, part) =>
            (total.Item1 + part.Mean, total.Item2 + part.Diagonal, total.Item3 + part.Factor, total.Item4 + part.Zeros));
        var divisor = Math.Max(count, 1);
        return new(name, shape, count, mean / divisor, diagonal / divisor, factor / divisor, zeros);
    }

    private static double Sum(ReadOnlySpan<float> values)
    {
        var sum = 0.0;
        foreach (var value in values)
            sum += value;
        return sum;
    }

    private static double SumOfSquares(ReadOnlySpan<float> values)
    {
        var sum = 0.0;
        foreach (var value in values)
            sum += (double)value * value;
        return sum;
    }
}
