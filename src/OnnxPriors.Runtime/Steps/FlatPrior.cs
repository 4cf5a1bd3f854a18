using OnnxPriors.Artifacts;
using OnnxPriors.Priors;

namespace OnnxPriors.Runtime.Steps;

/// <summary>A step's prior, mapped from its file: μ [P], a [P] and B [K, P], or with the proximal step μ, D [P] and W [K, P].</summary>
internal sealed class FlatPrior : IDisposable
{
    private readonly Manifest manifest;
    private ProximalGram? gram;
    private double? t;

    public FlatPrior(string folder, Manifest manifest)
    {
        this.manifest = manifest;
        Memory = FlatBuffer.Map(Path.Combine(folder, StepFiles.Prior), manifest.StateLength * (2 + manifest.Prior.Rank));
    }

    /// <summary>The file.</summary>
    public FlatBuffer Memory { get; }

    private ProximalGram Gram => gram ??= ProximalGram.Of(Memory.Slice, manifest.StateLength, manifest.Prior.Rank);

    /// <summary>1 [P] on the head's weights, else 0.</summary>
    public static FlatBuffer HeadOf(Manifest manifest)
    {
        var head = new FlatBuffer(manifest.StateLength);
        foreach (var parameter in manifest.Parameters)
            if (parameter.Role == "head")
                head.Writable.Slice((int)parameter.Offset, (int)parameter.Count).Fill(1);
        return head;
    }

    /// <summary>Fills M⁻¹ [K, K] of the proximal map, where t is another than the last time.</summary>
    /// <param name="at">t.</param>
    /// <param name="values">What to fill.</param>
    public void Inverse(double at, Span<float> values)
    {
        if (at == t)
            return;
        t = at;
        var inverse = Gram.Inverse(at);
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)inverse[i];
    }

    /// <summary>The share of the weights, 0 … 1, whose precision in the plain form is above a bound.</summary>
    public double ShareAbove(double precision)
    {
        var above = 0L;
        var values = Memory.Slice(manifest.StateLength, (int)manifest.StateLength);
        foreach (var parameter in manifest.Parameters)
            foreach (var value in values.Slice((int)parameter.Offset, (int)parameter.Count))
                above += value > precision ? 1 : 0;
        return (double)above / manifest.Parameters.Sum(parameter => parameter.Count);
    }

    /// <summary>½δᵀΣ⁻¹δ, δ = θ − μ, summed in float64, of the features and of the head.</summary>
    /// <param name="theta">θ [P].</param>
    public (double Features, double Head) Energies(ReadOnlySpan<float> theta)
    {
        var (length, rank, isProximal) = (theta.Length, manifest.Prior.Rank, manifest.Prior.IsProximal);
        var mean = Memory.Slice(0, length);
        var diagonal = Memory.Slice(length, length);
        Span<double> sums = [0, 0];
        foreach (var parameter in manifest.Parameters)
        {
            var sum = 0.0;
            for (var i = (int)parameter.Offset; i < parameter.Offset + parameter.Count; i++)
            {
                var delta = (double)theta[i] - mean[i];
                // A variance of 0 is a point: there is no energy at it, and the step never leaves it.
                sum += isProximal ? diagonal[i] == 0 ? 0 : delta * delta / diagonal[i] : diagonal[i] * delta * delta;
            }
            sums[parameter.Role == "head" ? 1 : 0] += sum;
        }
        var products = new double[rank];
        for (var k = 0; k < rank; k++)
        {
            var row = Memory.Slice((2L + k) * length, length);
            for (var i = 0; i < length; i++)
                if (row[i] != 0 && diagonal[i] != 0)
                    products[k] += row[i] * ((double)theta[i] - mean[i]) / (isProximal ? diagonal[i] : 1);
        }
        if (rank > 0)
            sums[0] -= isProximal ? Quadratic(Gram.Inverse(0), products) : products.Sum(product => product * product);
        return (sums[0] / 2, sums[1] / 2);
    }

    public void Dispose() => Memory.Dispose();

    private static double Quadratic(double[] matrix, double[] vector)
    {
        var sum = 0.0;
        for (var row = 0; row < vector.Length; row++)
            for (var column = 0; column < vector.Length; column++)
                sum += vector[row] * matrix[row * vector.Length + column] * vector[column];
        return sum;
    }
}
