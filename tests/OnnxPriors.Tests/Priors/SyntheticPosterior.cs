using System.Collections.Immutable;
using OnnxPriors.Priors;
using OnnxPriors.Randomness;

namespace OnnxPriors.Tests.Priors;

/// <summary>Posteriors with SWAG's proportions: variances over four orders of magnitude, deviations drawn from them.</summary>
internal static class SyntheticPosterior
{
    public static Posterior Make(int rank, ulong seed, params (string Name, long[] Shape)[] tensors)
    {
        var parameters = ImmutableArray.CreateBuilder<PosteriorTensor>();
        foreach (var (name, shape) in tensors)
        {
            var stream = (uint)parameters.Count;
            var count = (int)new TensorShape(name, [.. shape]).Count;
            var variances = Normals(count, seed, 0, stream).Select(z => MathF.Exp(1.2f * z - 9)).ToArray();
            var factor = Normals(count * rank, seed, 1, stream);
            for (var i = 0; i < factor.Length; i++)
                factor[i] *= MathF.Sqrt(variances[i % count] / (2 * (rank - 1)));
            var mean = Normals(count, seed, 2, stream).Select(z => 0.05f * z).ToArray();
            parameters.Add(new PosteriorTensor(name, [.. shape], mean, [.. variances.Select(v => v / 2)], factor));
        }
        return new Posterior(Metadata(rank), parameters.ToImmutable());
    }

    public static PosteriorMetadata Metadata(int rank) =>
        new() { Method = "swag", Rank = rank, Samples = 40, SourceSha256 = new string('a', 64), Seed = 7 };

    public static float[] Normals(int count, ulong seed, ulong step, uint stream = 0)
    {
        var values = new float[count];
        Philox.FillNormal(values, seed, step, stream);
        return values;
    }
}
