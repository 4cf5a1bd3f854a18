namespace OnnxPriors.Priors;

/// <summary>Makes an <see cref="EvidenceBound"/> from a prior: the trace of Σ⁻¹ and the determinant of Σ, by Woodbury's identity, in float64.</summary>
internal static class EvidenceMoments
{
    /// <summary>Reads the prior once.</summary>
    /// <param name="segments">The tensors.</param>
    /// <param name="prior">The prior, with no variance of 0.</param>
    /// <param name="head">The names of the head's tensors, whose prior is isotropic.</param>
    /// <exception cref="InvalidPriorException">A variance is 0: the bound is infinite.</exception>
    public static EvidenceBound Compute(IReadOnlyList<PriorSegment> segments, ProximalPrior prior, IReadOnlySet<string> head)
    {
        if (prior.ZeroVariances > 0)
            throw new InvalidPriorException($"The prior's variance λD + ε is 0 on {prior.ZeroVariances} weights, so no scale of it can be learned. Give an ε above 0 (--epsilon).");
        var groups = PriorFactorisation.Pieces(segments).Chunk(16).ToArray();
        var sums = new Sums[groups.Length];
        Pieces.ForEach(groups, () => new VariancePiece(prior.Rank), (pieces, index, work) =>
        {
            sums[index] = new Sums(prior.Rank);
            foreach (var piece in pieces)
            {
                var segment = segments[piece.Tensor];
                prior.Fill(segment, piece, work);
                sums[index].Add(work, piece.Count, head.Contains(segment.Name));
            }
        });
        var all = sums.Aggregate(new Sums(prior.Rank), (total, part) => total.Add(part));
        return new EvidenceBound(all.Features(), all.Head());
    }

    private sealed class Sums(int rank)
    {
        private readonly double[] trace = new double[2], logs = new double[2];
        private readonly long[] counts = new long[2];
        private readonly double[,] first = new double[rank, rank], second = new double[rank, rank];

        public void Add(VariancePiece work, int count, bool isHead)
        {
            var group = isHead ? 1 : 0;
            counts[group] += count;
            for (var i = 0; i < count; i++)
            {
                var precision = 1.0 / work.Variance[i];
                trace[group] += precision;
                logs[group] -= Math.Log(precision);
            }
            for (var row = 0; row < rank && !isHead; row++)
                for (var column = 0; column <= row; column++)
                    for (var i = 0; i < count; i++)
                    {
                        var term = (double)work.Factor[row][i] * work.Factor[column][i] / work.Variance[i];
                        first[row, column] += term;
                        second[row, column] += term / work.Variance[i];
                    }
        }

        public Sums Add(Sums other)
        {
            for (var group = 0; group < 2; group++)
                (trace[group], logs[group], counts[group]) = (trace[group] + other.trace[group], logs[group] + other.logs[group], counts[group] + other.counts[group]);
            for (var row = 0; row < rank; row++)
                for (var column = 0; column <= row; column++)
                {
                    first[row, column] += other.first[row, column];
                    second[row, column] += other.second[row, column];
                }
            return this;
        }

        // tr Σ⁻¹ = tr D⁻¹ − tr(M⁻¹ WᵀD⁻²W), log det Σ = log det D + log det M, M = I + WᵀD⁻¹W = CCᵀ.
        public EvidenceGroup Features()
        {
            for (var k = 0; k < rank; k++)
                first[k, k] += 1;
            var c = Cholesky.Factor(first);
            var inverse = Cholesky.Invert(c);
            var (less, log) = (0.0, 0.0);
            for (var k = 0; k < rank; k++)
            {
                log += 2 * Math.Log(c[k, k]);
                for (var row = 0; row <= k; row++)
                    for (var column = 0; column <= k; column++)
                        less += inverse[k, row] * inverse[k, column] * second[Math.Max(row, column), Math.Min(row, column)];
            }
            return new(counts[0], trace[0] - less, logs[0] + log);
        }

        public EvidenceGroup Head() => new(counts[1], trace[1], logs[1]);
    }
}
