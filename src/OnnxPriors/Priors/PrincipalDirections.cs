using System.Numerics.Tensors;

namespace OnnxPriors.Priors;

/// <summary>
/// The best approximation of rank K to the rows of a matrix X [N, P] with N ≪ P, in the sense of XᵀX (Eckart and Young, 1936): with the
/// eigenvectors u of the Gram matrix XXᵀ [N, N], the rows uₖᵀX of its K largest eigenvalues, which are the singular values times the right
/// singular vectors. X is read in pieces, twice: for the Gram matrix, summed in float64 and in a fixed order, and for the rows.
/// </summary>
public sealed class PrincipalDirections
{
    private const int PiecesInGroup = 16;

    private PrincipalDirections(double[][] mix, double explained)
    {
        Mix = mix;
        Explained = explained;
    }

    /// <summary>Reads a stretch of a row of X.</summary>
    /// <param name="tensor">Which tensor's part of the row.</param>
    /// <param name="row">The row.</param>
    /// <param name="start">The first element within the tensor.</param>
    /// <param name="values">Filled from there on.</param>
    public delegate void ReadRow(int tensor, int row, long start, Span<float> values);

    /// <summary>U [K][N]: row k of the approximation is Σᵢ Mix[k][i] · rowᵢ. The largest weight of each is positive.</summary>
    public IReadOnlyList<double[]> Mix { get; }

    /// <summary>The share of ‖X‖² that the approximation keeps, 0 to 1; 1 where X is 0.</summary>
    public double Explained { get; }

    /// <summary>Finds the directions.</summary>
    /// <param name="tensors">The tensors that a row is made of; reads may come from several threads at once.</param>
    /// <param name="rows">N.</param>
    /// <param name="rank">K, at most N.</param>
    /// <param name="read">Reads X.</param>
    /// <exception cref="InvalidPriorException">X is not finite.</exception>
    public static PrincipalDirections Of(IReadOnlyList<TensorShape> tensors, int rows, int rank, ReadRow read)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(read);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rank, rows);
        var groups = Pieces.Of(tensors).Chunk(PiecesInGroup).ToArray();
        var grams = new double[groups.Length][];
        Pieces.ForEach(groups, () => (Raw: new float[Pieces.Size], Rows: Enumerable.Range(0, rows).Select(_ => new double[Pieces.Size]).ToArray()), (group, index, work) =>
        {
            var gram = grams[index] = new double[rows * rows];
            foreach (var piece in group)
            {
                for (var i = 0; i < rows; i++)
                {
                    read(piece.Tensor, i, piece.Start, work.Raw.AsSpan(0, piece.Count));
                    TensorPrimitives.ConvertTruncating<float, double>(work.Raw.AsSpan(0, piece.Count), work.Rows[i]);
                    for (var j = 0; j <= i; j++)
                        gram[i * rows + j] += TensorPrimitives.Dot<double>(work.Rows[i].AsSpan(0, piece.Count), work.Rows[j].AsSpan(0, piece.Count));
                }
            }
        });
        var matrix = new double[rows, rows];
        for (var i = 0; i < rows; i++)
            for (var j = 0; j <= i; j++)
                matrix[i, j] = matrix[j, i] = grams.Sum(gram => gram[i * rows + j]);
        return Of(matrix, rank);
    }

    private static PrincipalDirections Of(double[,] gram, int rank)
    {
        try
        {
            var (values, vectors) = SymmetricEigen.Of(gram);
            var total = values.Sum();
            foreach (var vector in vectors)
                if (vector.MaxBy(Math.Abs) < 0)
                    TensorPrimitives.Negate<double>(vector, vector);
            return new(vectors[..rank], total > 0 ? Math.Min(1, values.Take(rank).Sum() / total) : 1);
        }
        catch (ArithmeticException error)
        {
            throw new InvalidPriorException("The deviations to compress are not finite. Fit the prior again, with a lower learning rate if the fit itself diverged.", error);
        }
    }

    /// <summary>The K rows of the approximation for one tensor.</summary>
    /// <param name="rows">The tensor's rows of X, [N, count].</param>
    /// <param name="count">The tensor's elements.</param>
    /// <returns>[K, count].</returns>
    public float[] Compress(float[] rows, int count)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var compressed = new float[Mix.Count * count];
        Pieces.ForEach(Pieces.Of([new TensorShape("", [count])]), () => (Row: new double[Pieces.Size], Sum: new double[Pieces.Size]), (piece, _, work) =>
        {
            for (var k = 0; k < Mix.Count; k++)
            {
                var row = work.Row.AsSpan(0, piece.Count);
                var sum = work.Sum.AsSpan(0, piece.Count);
                sum.Clear();
                for (var i = 0; i < Mix[k].Length; i++)
                {
                    TensorPrimitives.ConvertTruncating<float, double>(rows.AsSpan((int)(i * (long)count + piece.Start), piece.Count), row);
                    TensorPrimitives.MultiplyAdd(row, Mix[k][i], sum, sum);
                }
                TensorPrimitives.ConvertTruncating<double, float>(sum, compressed.AsSpan((int)(k * (long)count + piece.Start), piece.Count));
            }
        });
        return compressed;
    }
}
