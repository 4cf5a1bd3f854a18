using System.Numerics.Tensors;
using OnnxPriors.Randomness;

namespace OnnxPriors.Priors;

/// <summary>
/// A Gaussian prior over a flat state, in the form the update model takes: μ [P], a [P] and B [K, P] with
/// −log p(θ) = ½(Σ aδ² − ‖Bᵀδ‖²) + constant, δ = θ − μ, and gradient aδ − B(Bᵀδ). Learned segments are a rescaled posterior
/// N(μ, D + WWᵀ); isotropic ones stand beside them, independent. All sums are in float64 and in a fixed order.
/// </summary>
public sealed class GaussianPrior
{
    private const int PiecesInGroup = 16;
    private const uint FactorStream = 1;

    private readonly Piece[][] _groups;
    private readonly IReadOnlyList<PriorSegment> _segments;
    private readonly double[,] _c;
    private readonly long _count;

    private GaussianPrior(IReadOnlyList<PriorSegment> segments, int length, PriorFactorisation factorisation)
    {
        _segments = segments;
        _groups = [.. PriorFactorisation.Pieces(segments).Chunk(PiecesInGroup)];
        _c = factorisation.C;
        _count = segments.Sum(segment => segment.Count);
        Mean = new float[length];
        Precision = new float[length];
        Factor = [.. Enumerable.Range(0, factorisation.Rank).Select(_ => new float[length])];
        EpsilonShare = factorisation.EpsilonShare;
        LogDeterminant = factorisation.LogDeterminant;
    }

    /// <summary>μ [P]; 0 in the gaps.</summary>
    public float[] Mean { get; }

    /// <summary>a [P], the inverse of the diagonal; 0 in the gaps.</summary>
    public float[] Precision { get; }

    /// <summary>B, column after column: K arrays [P]; 0 in the gaps and on isotropic segments.</summary>
    public float[][] Factor { get; }

    /// <summary>P, the length of the flat state.</summary>
    public int Length => Mean.Length;

    /// <summary>K, the rank.</summary>
    public int Rank => Factor.Length;

    /// <summary>The share of the learned coordinates, 0 to 1, where ε exceeds the rescaled variance λD: there the prior is isotropic.</summary>
    public double EpsilonShare { get; }

    /// <summary>log det Σ over all coordinates.</summary>
    public double LogDeterminant { get; }

    /// <summary>Makes a prior in memory.</summary>
    /// <param name="segments">The tensors of the flat state, in ascending order of their offsets.</param>
    /// <param name="length">P, the length of the flat state.</param>
    /// <param name="posterior">What learned segments refer to; null where there is none.</param>
    /// <param name="options">How the posterior is rescaled; null for λ = 1, ε = 0, all columns.</param>
    /// <exception cref="InvalidPriorException">The options are out of range, or λD + ε vanishes or overflows somewhere.</exception>
    /// <exception cref="ArgumentException">The segments overlap or pass the end, or a learned one differs from the posterior in size.</exception>
    public static GaussianPrior Build(IReadOnlyList<PriorSegment> segments, int length, IPosterior? posterior = null, RescaleOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(segments);
        CheckPlaces(segments, length, posterior);
        var factorisation = PriorFactorisation.Compute(segments, posterior, options ?? new RescaleOptions());
        var prior = new GaussianPrior(segments, length, factorisation);
        Pieces.ForEach(prior._groups, () => new PriorPiece(factorisation.Rank), (group, _, work) =>
        {
            foreach (var piece in group)
            {
                factorisation.Fill(segments[piece.Tensor], piece, work);
                var at = (int)(segments[piece.Tensor].Offset + piece.Start);
                work.Mean.AsSpan(0, piece.Count).CopyTo(prior.Mean.AsSpan(at));
                work.Precision.AsSpan(0, piece.Count).CopyTo(prior.Precision.AsSpan(at));
                for (var k = 0; k < factorisation.Rank; k++)
                    work.Factor[k].AsSpan(0, piece.Count).CopyTo(prior.Factor[k].AsSpan(at));
            }
        });
        return prior;
    }

    /// <summary>½(Σ aδ² − ‖Bᵀδ‖²): −log p(θ) without its constant.</summary>
    /// <param name="theta">θ [P].</param>
    public double Energy(ReadOnlyMemory<float> theta) => Project(theta).Energy;

    /// <summary>The energy, and its gradient aδ − B(Bᵀδ).</summary>
    /// <param name="theta">θ [P].</param>
    /// <param name="gradient">Filled with the gradient [P]; 0 in the gaps.</param>
    public double Energy(ReadOnlyMemory<float> theta, Memory<float> gradient)
    {
        CheckLength(gradient.Length);
        var (energy, projection) = Project(theta);
        gradient.Span.Clear();
        Pieces.ForEach(_groups, () => (Delta: new double[Pieces.Size], Column: new double[Pieces.Size]), (group, _, work) =>
        {
            foreach (var piece in group)
            {
                var at = ReadDelta(theta.Span, piece, work.Delta);
                var delta = work.Delta.AsSpan(0, piece.Count);
                var column = work.Column.AsSpan(0, piece.Count);
                TensorPrimitives.ConvertTruncating<float, double>(Precision.AsSpan(at, piece.Count), column);
                TensorPrimitives.Multiply(delta, column, delta);
                for (var k = 0; k < Rank; k++)
                {
                    TensorPrimitives.ConvertTruncating<float, double>(Factor[k].AsSpan(at, piece.Count), column);
                    TensorPrimitives.MultiplyAdd(column, -projection[k], delta, delta);
                }
                TensorPrimitives.ConvertTruncating<double, float>(delta, gradient.Span.Slice(at, piece.Count));
            }
        });
        return energy;
    }

    /// <summary>log p(θ), its constant −½(log det Σ + n log 2π) included.</summary>
    /// <param name="theta">θ [P].</param>
    public double LogDensity(ReadOnlyMemory<float> theta) => -Energy(theta) - 0.5 * (LogDeterminant + _count * Math.Log(2 * Math.PI));

    /// <summary>Draws θ = μ + √D ξ + Wζ with W = DBCᵀ; the same seed and number give the same draw on every machine.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="draw">Which of the seed's draws.</param>
    /// <param name="theta">Filled with the draw [P]; 0 in the gaps.</param>
    public void Sample(ulong seed, ulong draw, Memory<float> theta)
    {
        CheckLength(theta.Length);
        Philox.FillNormal(theta.Span, seed, draw);
        Span<float> zeta = new float[Rank];
        Philox.FillNormal(zeta, seed, draw, FactorStream);
        var mixed = new double[Rank];
        for (var row = 0; row < Rank; row++)
            for (var column = 0; column <= row; column++)
                mixed[column] += _c[row, column] * zeta[row];
        Pieces.ForEach(_groups, Pieces.Size, (group, _) =>
        {
            var values = theta.Span;
            foreach (var piece in group)
            {
                var at = (int)(_segments[piece.Tensor].Offset + piece.Start);
                for (var i = at; i < at + piece.Count; i++)
                {
                    var along = 0.0;
                    for (var k = 0; k < mixed.Length; k++)
                        along += mixed[k] * Factor[k][i];
                    values[i] = (float)(Mean[i] + values[i] / Math.Sqrt(Precision[i]) + along / Precision[i]);
                }
            }
        });
        var end = 0;
        foreach (var segment in _segments)
        {
            theta.Span[end..(int)segment.Offset].Clear();
            end = (int)(segment.Offset + segment.Count);
        }
        theta.Span[end..].Clear();
    }

    private (double Energy, double[] Projection) Project(ReadOnlyMemory<float> theta)
    {
        CheckLength(theta.Length);
        var squares = new double[_groups.Length];
        var projections = new double[_groups.Length][];
        Pieces.ForEach(_groups, () => (Delta: new double[Pieces.Size], Column: new double[Pieces.Size]), (group, index, work) =>
        {
            projections[index] = new double[Rank];
            foreach (var piece in group)
            {
                var at = ReadDelta(theta.Span, piece, work.Delta);
                var delta = work.Delta.AsSpan(0, piece.Count);
                var column = work.Column.AsSpan(0, piece.Count);
                for (var k = 0; k < Rank; k++)
                {
                    TensorPrimitives.ConvertTruncating<float, double>(Factor[k].AsSpan(at, piece.Count), column);
                    projections[index][k] += TensorPrimitives.Dot<double>(column, delta);
                }
                TensorPrimitives.ConvertTruncating<float, double>(Precision.AsSpan(at, piece.Count), column);
                TensorPrimitives.Multiply(column, delta, column);
                squares[index] += TensorPrimitives.Dot<double>(column, delta);
            }
        });
        var projection = new double[Rank];
        foreach (var partial in projections)
            TensorPrimitives.Add(projection, partial, projection);
        return (0.5 * (squares.Sum() - TensorPrimitives.SumOfSquares<double>(projection)), projection);
    }

    private int ReadDelta(ReadOnlySpan<float> theta, Piece piece, double[] delta)
    {
        var at = (int)(_segments[piece.Tensor].Offset + piece.Start);
        for (var i = 0; i < piece.Count; i++)
            delta[i] = (double)theta[at + i] - Mean[at + i];
        return at;
    }

    private void CheckLength(int length)
    {
        if (length != Length)
            throw new ArgumentException($"The prior is over {Length} values; it was given {length}.", nameof(length));
    }

    internal static void CheckPlaces(IReadOnlyList<PriorSegment> segments, long length, IPosterior? posterior)
    {
        var end = 0L;
        foreach (var segment in segments)
        {
            if (segment.Offset < end || segment.Count > length - segment.Offset)
                throw new ArgumentException($"The segment '{segment.Name}' overlaps another or passes the end of the state.", nameof(segments));
            if (segment.IsLearned && posterior?.Tensors[segment.Tensor].Count != segment.Count)
                throw new ArgumentException($"The segment '{segment.Name}' has {segment.Count} elements, its posterior another number.", nameof(segments));
            end = segment.Offset + segment.Count;
        }
    }
}
