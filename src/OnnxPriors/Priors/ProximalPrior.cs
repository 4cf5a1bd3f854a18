using System.Numerics.Tensors;

namespace OnnxPriors.Priors;

/// <summary>
/// A prior N(μ, D + WWᵀ) in the form that the proximal step takes: μ, D and W themselves, already rescaled (λD + ε, √λW), where a variance
/// may be 0. One pass makes what is said of the whole, a second one, whoever makes it, yields the values piece by piece.
/// </summary>
internal sealed class ProximalPrior
{
    private readonly IPosterior? _posterior;
    private readonly RescaleOptions _options;
    private readonly double _factorScale;

    private ProximalPrior(IPosterior? posterior, RescaleOptions options, int rank)
    {
        (_posterior, _options, Rank) = (posterior, options, rank);
        _factorScale = posterior is null ? 1 : options.FactorScale(posterior.Metadata.Rank);
    }

    /// <summary>K, the number of columns kept; 0 where nothing is learned.</summary>
    public int Rank { get; }

    /// <summary>The share of the learned coordinates, 0 to 1, where ε exceeds λD.</summary>
    public double EpsilonShare { get; private init; }

    /// <summary>The number of coordinates whose variance is 0: there the prior is a point, and the weight stays at μ.</summary>
    public long ZeroVariances { get; private init; }

    /// <summary>Reads the prior once.</summary>
    /// <exception cref="InvalidPriorException">The options are out of range, or a rescaled value overflows float32.</exception>
    public static ProximalPrior Compute(IReadOnlyList<PriorSegment> segments, IPosterior? posterior, RescaleOptions options)
    {
        if (posterior is not null)
            options.Check(posterior.Metadata.Rank);
        var learnedAny = segments.Any(segment => segment.IsLearned);
        var prior = new ProximalPrior(posterior, options, learnedAny ? options.KeptRank(posterior!.Metadata.Rank) : 0);
        var (dominated, zeros) = (0L, 0L);
        Pieces.ForEach(PriorFactorisation.Pieces(segments), () => new VariancePiece(prior.Rank), (piece, _, work) =>
        {
            Interlocked.Add(ref dominated, prior.Fill(segments[piece.Tensor], piece, work));
            Interlocked.Add(ref zeros, work.Variance.AsSpan(0, piece.Count).Count(0f));
        });
        var learned = segments.Where(segment => segment.IsLearned).Sum(segment => segment.Count);
        return new ProximalPrior(posterior, options, prior.Rank) { EpsilonShare = learned == 0 ? 0 : (double)dominated / learned, ZeroVariances = zeros };
    }

    /// <summary>Makes μ, D and the columns of W for one piece.</summary>
    /// <returns>On how many coordinates ε exceeds λD.</returns>
    public long Fill(PriorSegment segment, Piece piece, VariancePiece work)
    {
        segment.ReadMeans(_posterior, piece.Start, work.Mean.AsMemory(0, piece.Count));
        var variance = work.Variance.AsSpan(0, piece.Count);
        if (!segment.IsLearned)
        {
            variance.Fill((float)segment.Variance);
            foreach (var column in work.Factor)
                column.AsSpan(0, piece.Count).Clear();
            return 0;
        }
        _posterior!.ReadDiagonal(segment.Tensor, piece.Start, variance);
        var dominated = 0L;
        for (var i = 0; i < variance.Length; i++)
        {
            var scaled = _options.Scale * variance[i];
            if (_options.Epsilon > scaled)
                dominated++;
            variance[i] = (float)(scaled + _options.Epsilon);
        }
        var finite = TensorPrimitives.IsFiniteAll<float>(variance);
        for (var k = 0; k < Rank; k++)
        {
            var column = work.Factor[k].AsSpan(0, piece.Count);
            _posterior.ReadFactor(segment.Tensor, k, piece.Start, column);
            for (var i = 0; i < column.Length; i++)
                column[i] = (float)(_factorScale * column[i]);
            finite &= TensorPrimitives.IsFiniteAll<float>(column);
        }
        return finite ? dominated : throw new InvalidPriorException($"The rescaled prior overflows float32 in '{segment.Name}'. Give a smaller scale.");
    }
}

/// <summary>One thread's workspace for a piece of a proximal prior.</summary>
internal sealed class VariancePiece(int rank)
{
    /// <summary>μ.</summary>
    public float[] Mean { get; } = new float[Pieces.Size];

    /// <summary>D.</summary>
    public float[] Variance { get; } = new float[Pieces.Size];

    /// <summary>The columns of W.</summary>
    public float[][] Factor { get; } = [.. Enumerable.Range(0, rank).Select(_ => new float[Pieces.Size])];
}
