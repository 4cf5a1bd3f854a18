using OnnxPriors.Cli.Benchmarking;
using OnnxPriors.Priors;
using OnnxPriors.Randomness;
using OnnxPriors.Torch.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace OnnxPriors.Cli.Tests.Benchmarking;

[TestClass]
public sealed class LowRankDensityTests
{
    // Single precision over a few dozen terms.
    private const double Tolerance = 1e-4;

    [TestMethod]
    public void Density_and_gradient_are_those_of_the_dense_Gaussian_in_float64()
    {
        const int Rank = 3;
        TorchNative.EnsureLoaded();
        using var scope = NewDisposeScope();
        PosteriorTensor[] parts = [Part("a", [4, 3], 0), Part("b", [5], 1)];
        var posterior = new Posterior(
            new() { Method = "test", Rank = Rank, Samples = 8, SourceSha256 = new string('0', 64) }, [.. parts]);
        var parameters = parts.Select((p, i) => (p.Name, new Parameter(tensor(Normals(p.Mean.Length, 10 + i), [.. p.Shape])))).Append(("head", new Parameter(tensor(Normals(2, 20))))).ToList();
        using var density = new LowRankDensity(posterior, parameters);

        var found = density.LogDensity();
        found.backward();

        var covariance = Dense(parts, Rank);
        var delta = cat([.. parts.Select((p, i) => parameters[i].Item2.detach().flatten().to(ScalarType.Float64) - tensor(p.Mean).to(ScalarType.Float64))]);
        var precise = linalg.solve(covariance, delta);
        var head = parameters[2].Item2.detach().to(ScalarType.Float64);
        var expected = -0.5 * (delta.dot(precise).item<double>() + head.dot(head).item<double>());
        Assert.AreEqual(expected, found.detach().to(ScalarType.Float64).item<double>(), Tolerance * Math.Abs(expected));
        var gradient = cat([.. parts.Select((_, i) => parameters[i].Item2.grad!.flatten().to(ScalarType.Float64))]);
        Assert.IsLessThan(Tolerance, ((gradient + precise).norm() / precise.norm()).item<double>());
        Assert.IsLessThan(Tolerance, (parameters[2].Item2.grad!.to(ScalarType.Float64) + head).norm().item<double>());

        PosteriorTensor Part(string name, long[] shape, int seed)
        {
            var count = (int)shape.Aggregate(1L, (p, d) => p * d);
            return new(name, [.. shape], Normals(count, seed), Array.ConvertAll(Normals(count, 30 + seed), n => 0.1f + n * n), Normals(Rank * count, 40 + seed));
        }
    }

    private static Tensor Dense(PosteriorTensor[] parts, int rank)
    {
        var diagonal = cat([.. parts.Select(p => tensor(p.Diagonal).to(ScalarType.Float64))]);
        var factor = cat([.. parts.Select(p => tensor(p.Factor, [rank, p.Mean.Length]).to(ScalarType.Float64))], 1);
        return diag(diagonal) + factor.t().matmul(factor);
    }

    private static float[] Normals(int count, int seed)
    {
        var numbers = new float[count];
        Philox.FillNormal(numbers, (ulong)seed);
        return numbers;
    }
}
