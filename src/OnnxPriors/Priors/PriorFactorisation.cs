using System.Numerics.Tensors;

namespace OnnxPriors.Priors;

/// <summary>
/// The factorisation that takes the solve out of a low-rank Gaussian's density. With Σ = D + WWᵀ (D and W already rescaled),
/// a = 1/D and CCᵀ = I + WᵀD⁻¹W, Woodbury's identity gives Σ⁻¹ = diag(a) − BBᵀ with B = D⁻¹WC⁻ᵀ, and the determinant lemma
/// log det Σ = −Σ log a + 2 Σ log C_kk. One pass over the posterior makes C, in float64 and in a fixed order of summation; a second one,
/// whoever makes it, yields μ, a and B piece by piece.
/// </summary>
/// <remarks>
/// a is rounded to float32 first and everything else derives from the rounded value: where aδ and B(Bᵀδ) cancel, along W, the rounding
/// of a then cancels too and only that of B remains.
/// </remarks>
internal sealed class PriorFactorisation
{
    /// <summary>So many pieces share one partial sum: few enough to keep partial sums small, many enough to keep all processors busy.</summary>
    private const int PiecesInGroup = 16;

    private readonly IPosterior? _posterior;
    private readonly RescaleOptions _options;
    private readonly double _factorScale;
    private readonly double[,] _inverse;

    private PriorFactorisation(IPosterior? posterior, RescaleOptions options, int rank, double[,] c, double logDeterminant, long learned, long dominated)
    {
        _posterior = posterior;
        _options = options;
        _factorScale = posterior is null ? 1 : options.FactorScale(posterior.Metadata.Rank, posterior.Metadata.Form);
        _inverse = Cholesky.Invert(c);
        Rank = rank;
        C = c;
        LogDeterminant = logDeterminant;
        EpsilonShare = learned == 0 ? 0 : (double)dominated / learned;
    }

    /// <summary>K, the number of columns kept; 0 where nothing is learned.</summary>
    public int Rank { get; }

    /// <summary>C [K, K], lower triangular.</summary>
    public double[,] C { get; }

    /// <summary>log det Σ over all coordinates.</summary>
    public double LogDeterminant { get; }

    /// <summary>The share of the learned coordinates, 0 to 1, where ε exceeds λD.</summary>
    public double EpsilonShare { get; }

    /// <summary>The largest a: no curvature of the prior is larger, since Σ⁻¹ = diag(a) − BBᵀ.</summary>
    public double LargestPrecision { get; private init; }

    /// <summary>Makes C from one pass over the segments.</summary>
    /// <exception cref="InvalidPriorException">The options are out of range, or λD + ε vanishes or overflows somewhere.</exception>
    public static PriorFactorisation Compute(IReadOnlyList<PriorSegment> segments, IPosterior? posterior, RescaleOptions options)
    {
        var learnedAny = segments.Any(segment => segment.IsLearned);
        if (learnedAny && posterior is null)
            throw new ArgumentNullException(nameof(posterior), "A learned segment needs a posterior.");
        if (posterior is not null)
            options.Check(posterior.Metadata.Rank, posterior.Metadata.Form);
        var rank = learnedAny ? options.KeptRank(posterior!.Metadata.Rank) : 0;
        var empty = new PriorFactorisation(posterior, options, rank, new double[0, 0], 0, 0, 0);
        var groups = Pieces(segments).Chunk(PiecesInGroup).ToArray();
        var grams = new double[groups.Length][];
        var logs = new double[groups.Length];
        var dominated = new long[groups.Length];
        var largest = new float[groups.Length];
        Priors.Pieces.ForEach(groups, () => new PriorPiece(rank), (group, index, work) =>
        {
            grams[index] = new double[rank * rank];
            foreach (var piece in group)
            {
                dominated[index] += empty.ReadSource(segments[piece.Tensor], piece, work);
                logs[index] -= work.SumOfLogPrecisions();
                largest[index] = Math.Max(largest[index], TensorPrimitives.Max<float>(work.Precision.AsSpan(0, piece.Count)));
                if (segments[piece.Tensor].IsLearned)
                    work.AddGram(grams[index]);
            }
        });
        var matrix = new double[rank, rank];
        for (var row = 0; row < rank; row++)
        {
            for (var column = 0; column <= row; column++)
                matrix[row, column] = grams.Sum(gram => gram[row * rank + column]);
            matrix[row, row] += 1;
        }
        var c = Factor(matrix);
        var logDeterminant = logs.Sum();
        for (var k = 0; k < rank; k++)
            logDeterminant += 2 * Math.Log(c[k, k]);
        var learned = segments.Where(segment => segment.IsLearned).Sum(segment => segment.Count);
        return new PriorFactorisation(posterior, options, rank, c, logDeterminant, learned, dominated.Sum()) { LargestPrecision = largest.DefaultIfEmpty().Max() };
    }

    /// <summary>The pieces of all segments; a piece's tensor is the segment's index here.</summary>
    public static List<Piece> Pieces(IReadOnlyList<PriorSegment> segments) =>
        Priors.Pieces.Of([.. segments.Select(segment => new TensorShape(segment.Name, [segment.Count]))]);

    /// <summary>Makes μ, a and the columns of B for one piece: <see cref="PriorPiece.Mean"/>, <see cref="PriorPiece.Precision"/>, <see cref="PriorPiece.Factor"/>.</summary>
    public void Fill(PriorSegment segment, Piece piece, PriorPiece work)
    {
        ReadSource(segment, piece, work);
        if (!work.TransformFactor(_inverse, segment.IsLearned))
            throw new InvalidPriorException($"The prior's factor overflows float32 in '{segment.Name}', against its diagonal. Give a larger ε (--epsilon) or a smaller scale.");
        segment.ReadMeans(_posterior, piece.Start, work.Mean.AsMemory(0, piece.Count));
    }

    /// <summary>Reads a piece's precisions and weighted columns; returns on how many coordinates ε exceeds λD.</summary>
    private long ReadSource(PriorSegment segment, Piece piece, PriorPiece work)
    {
        work.Count = piece.Count;
        if (!segment.IsLearned)
        {
            work.Precision.AsSpan(0, piece.Count).Fill((float)(1 / segment.Variance));
            return 0;
        }
        var values = work.Mean.AsSpan(0, piece.Count);
        _posterior!.ReadDiagonal(segment.Tensor, piece.Start, values);
        var dominated = 0L;
        for (var i = 0; i < values.Length; i++)
        {
            var scaled = _options.Scale * values[i];
            var variance = scaled + _options.Epsilon;
            var precision = (float)(1 / variance);
            if (!float.IsNormal(precision) || precision < 0)
                throw new InvalidPriorException(FormattableString.Invariant(
                    $"The prior's variance λD + ε is {variance} at element {piece.Start + i} of '{segment.Name}', of which float32 has no reciprocal. Give an ε above 0 (--epsilon), or a smaller scale."));
            work.Precision[i] = precision;
            if (_options.Epsilon > scaled)
                dominated++;
        }
        for (var column = 0; column < Rank; column++)
        {
            _posterior.ReadFactor(segment.Tensor, column, piece.Start, values);
            work.SetColumn(column, values, _factorScale);
        }
        return dominated;
    }

    private static double[,] Factor(double[,] matrix)
    {
        try
        {
            return Cholesky.Factor(matrix);
        }
        catch (ArithmeticException error)
        {
            throw new InvalidPriorException($"The prior's factor overflows float64 against its diagonal (I + WᵀD⁻¹W: {error.Message}) Give a larger ε or a smaller scale.", error);
        }
    }
}

/// <summary>One thread's workspace for a piece of the prior; K columns of it stay in the second-level cache.</summary>
internal sealed class PriorPiece(int rank)
{
    private readonly double[] _precision = new double[Pieces.Size];
    private readonly double[] _weighted = new double[Pieces.Size];
    private readonly double[][] _columns = Rows<double>(rank);

    /// <summary>The number of elements that count.</summary>
    public int Count { get; set; }

    /// <summary>μ.</summary>
    public float[] Mean { get; } = new float[Pieces.Size];

    /// <summary>a.</summary>
    public float[] Precision { get; } = new float[Pieces.Size];

    /// <summary>The columns of B.</summary>
    public float[][] Factor { get; } = Rows<float>(rank);

    /// <summary>Takes a column of W, scaled.</summary>
    public void SetColumn(int column, ReadOnlySpan<float> values, double scale)
    {
        var target = _columns[column].AsSpan(0, Count);
        TensorPrimitives.ConvertTruncating(values, target);
        TensorPrimitives.Multiply(target, scale, target);
    }

    /// <summary>Σ log a.</summary>
    public double SumOfLogPrecisions()
    {
        var logs = _weighted.AsSpan(0, Count);
        TensorPrimitives.ConvertTruncating<float, double>(Precision.AsSpan(0, Count), logs);
        TensorPrimitives.Log(logs, logs);
        return TensorPrimitives.Sum<double>(logs);
    }

    /// <summary>Adds this piece's part of WᵀD⁻¹W [K, K] to the lower triangle of <paramref name="gram"/>.</summary>
    public void AddGram(double[] gram)
    {
        var precision = _precision.AsSpan(0, Count);
        TensorPrimitives.ConvertTruncating<float, double>(Precision.AsSpan(0, Count), precision);
        var weighted = _weighted.AsSpan(0, Count);
        for (var row = 0; row < rank; row++)
        {
            TensorPrimitives.Multiply(precision, _columns[row].AsSpan(0, Count), weighted);
            for (var column = 0; column <= row; column++)
                gram[row * rank + column] += TensorPrimitives.Dot<double>(weighted, _columns[column].AsSpan(0, Count));
        }
    }

    /// <summary>Makes the columns of B = D⁻¹WC⁻ᵀ: column k is Σ over l ≤ k of (C⁻¹)_kl · a · w_l.</summary>
    /// <returns>Whether all of it is finite.</returns>
    public bool TransformFactor(double[,] inverse, bool learned)
    {
        if (!learned)
        {
            foreach (var row in Factor)
                row.AsSpan(0, Count).Clear();
            return true;
        }
        var finite = true;
        var precision = _precision.AsSpan(0, Count);
        TensorPrimitives.ConvertTruncating<float, double>(Precision.AsSpan(0, Count), precision);
        var sum = _weighted.AsSpan(0, Count);
        for (var row = 0; row < rank; row++)
        {
            TensorPrimitives.Multiply(_columns[0].AsSpan(0, Count), inverse[row, 0], sum);
            for (var column = 1; column <= row; column++)
                TensorPrimitives.MultiplyAdd(_columns[column].AsSpan(0, Count), inverse[row, column], sum, sum);
            TensorPrimitives.Multiply(sum, precision, sum);
            TensorPrimitives.ConvertTruncating<double, float>(sum, Factor[row].AsSpan(0, Count));
            finite &= float.IsFinite(TensorPrimitives.MaxMagnitude<float>(Factor[row].AsSpan(0, Count)));
        }
        return finite;
    }

    private static T[][] Rows<T>(int count) => [.. Enumerable.Range(0, count).Select(_ => new T[Pieces.Size])];
}
