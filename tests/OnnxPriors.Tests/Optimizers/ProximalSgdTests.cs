using OnnxPriors.Optimizers;
using OnnxPriors.Priors;
using OnnxPriors.Tests.Artifacts;
using OnnxPriors.Tests.Priors;

namespace OnnxPriors.Tests.Optimizers;

/// <summary>
/// The proximal update under ONNX Runtime against the map's definition over the dense covariance in float64: with u = (Σ + tI)⁻¹v,
/// δ⁺ = Σu and Σ⁻¹δ⁺ = u, which takes neither Woodbury's identity nor the inverse of a variance.
/// </summary>
[TestClass]
public sealed class ProximalSgdTests
{
    private const int Count = 120, Length = 128, Rank = 4;

    /// <summary>Variances that are 0, as SWAG has them where a weight never moved.</summary>
    private const int Still = 10;

    private const double Momentum = 0.9, Weight = 0.5;

    // Stiff by nine orders of magnitude, by one, about even, and soft. The variances are about 1e-4.
    [TestMethod]
    [DataRow(1e-8, false)]
    [DataRow(1e-8, true)]
    [DataRow(1.0, false)]
    [DataRow(1.0, true)]
    [DataRow(1e2, false)]
    [DataRow(1e2, true)]
    [DataRow(1e8, false)]
    [DataRow(1e8, true)]
    public void A_hundred_steps_follow_the_map_over_the_dense_covariance(double scale, bool nesterov)
    {
        var prior = new Prior(scale);
        using var runner = prior.Runner(nesterov);
        var (delta, m) = (Start(), new double[Count]);
        for (var step = 0; step < 100; step++)
        {
            // A schedule: every step has another t.
            var rate = (float)(0.02 * 0.5 * (1 + Math.Cos(Math.PI * step / 100)));
            prior.Advance(runner, rate, Slope, nesterov);
            var t = rate * (nesterov ? 1 + (float)Momentum : 1) * Weight;
            var v = new double[Count];
            for (var i = 0; i < Count; i++)
            {
                var g = Slope(i, delta[i]);
                m[i] = (float)Momentum * m[i] + g;
                v[i] = delta[i] - rate * (nesterov ? g + (float)Momentum * m[i] : m[i]);
            }
            var u = prior.Shifted(t).Gradient(v);
            for (var i = 0; i < Count; i++)
            {
                delta[i] = prior.Dense.Diagonal[i] * u[i] + prior.Dense.Factor.Sum(w => w[i] * DenseGaussian.Dot(w, u));
                m[i] += Weight * u[i];
            }
        }
        // Float32 over 100 steps. M is solved in float64, but its right side is a float32 sum, which costs a part of its condition number.
        var found = runner.Theta.Take(Count).Select(x => (double)x).ToArray();
        Assert.IsLessThan(1e-4 * DenseGaussian.Norm(delta), DenseGaussian.Distance(delta, found));
        for (var i = 0; i < Still; i++)
            Assert.AreEqual(0f, runner.Theta[i], "a variance of 0 leaves the weight at the mean");
    }

    [TestMethod]
    [DataRow(1e-2, false)]
    [DataRow(1e-2, true)]
    [DataRow(1.0, false)]
    [DataRow(1.0, true)]
    [DataRow(1e4, false)]
    [DataRow(1e4, true)]
    public void It_rests_at_the_maximum_of_a_quadratic_posterior_whatever_the_momentum(double scale, bool nesterov)
    {
        // ½Σ h(δ − c)² + w/2 δᵀΣ⁻¹δ is least where (Σ' + wI)y = Σ'√h c, y = √h δ, Σ' = √h Σ √h.
        var prior = new Prior(scale);
        using var runner = prior.Runner(nesterov);
        for (var step = 0; step < 1500; step++)
            prior.Advance(runner, 0.05f, (i, x) => Curvature[i] * (x - Target[i]), nesterov);
        var root = Curvature.Select(Math.Sqrt).ToArray();
        double[] Best(double weight)
        {
            var scaled = new DenseGaussian(new double[Count],
                [.. prior.Dense.Diagonal.Select((d, i) => d * Curvature[i] + weight)], [.. prior.Dense.Factor.Select(w => w.Select((x, i) => x * root[i]).ToArray())]);
            var goal = Target.Select((c, i) => c * root[i]).ToArray();
            var solved = scaled.Gradient(goal);
            return [.. goal.Select((g, i) => (g - weight * solved[i]) / root[i])];
        }
        var expected = Best(Weight);
        var found = runner.Theta.Take(Count).Select(x => (double)x).ToArray();
        Assert.IsLessThan(1e-4 * DenseGaussian.Norm(expected), DenseGaussian.Distance(expected, found));
        // What momentum on the data's gradient alone would come to is something else.
        Assert.IsGreaterThan(0.01 * DenseGaussian.Norm(expected), DenseGaussian.Distance(expected, Best(Weight * (1 - Momentum))));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void It_is_stable_at_a_scale_at_which_the_plain_form_is_not(bool nesterov)
    {
        const float Rate = 0.05f;
        var stiff = new Prior(1e-25);
        using var proximal = stiff.Runner(nesterov);
        for (var step = 0; step < 200; step++)
            stiff.Advance(proximal, Rate, Slope, nesterov);
        Assert.IsLessThan(1e-10, proximal.Theta.Max(Math.Abs));

        using var plain = new UpdateRunner(new Sgd { Nesterov = nesterov }, 0, Length);
        plain.Set("learning_rate", Rate);
        plain.Set("momentum", (float)Momentum);
        plain.Set("prior_mean", new float[Length]);
        // Just above what this momentum follows: 2(1 + β), or 2(1 + β)/(1 + 2β), over rate and weight.
        var bound = 2 * (1 + Momentum) / (nesterov ? 1 + 2 * Momentum : 1) / (Rate * Weight);
        plain.Set("prior_weight", (float)Weight);
        Assert.IsGreaterThan(10, After(1.05), "it grows above the bound");
        Assert.IsLessThan(0.1, After(0.95), "it shrinks below it");

        double After(double share)
        {
            plain.Set("prior_precision", [.. Enumerable.Repeat((float)(share * bound), Length)]);
            plain.Set("theta", [.. Enumerable.Repeat(1f, Length)]);
            plain.Set("momentum_buffer", new float[Length]);
            for (var step = 0; step < 100; step++)
                plain.Step();
            return plain.Theta.Max(Math.Abs);
        }
    }

    [TestMethod]
    public void Without_a_weight_it_is_sgd()
    {
        var prior = new Prior(1);
        using var proximal = prior.Runner(nesterov: true);
        using var plain = new UpdateRunner(new Sgd { Nesterov = true }, null, Length);
        plain.Set("theta", [.. proximal.Theta]);
        plain.Set("momentum", (float)Momentum);
        plain.Set("learning_rate", 0.02f);
        for (var step = 0; step < 20; step++)
        {
            prior.Advance(proximal, 0.02f, Slope, nesterov: true, weight: 0);
            plain.Set("gradient", Prior.Gradient(plain, Slope));
            plain.Step();
        }
        for (var i = Still; i < Count; i++)
            Assert.AreEqual(plain.Theta[i], proximal.Theta[i], 1e-6);
    }

    private static readonly double[] Curvature = [.. SyntheticPosterior.Normals(Count, 10, 0).Select(z => Math.Exp(0.5 * z))];
    private static readonly double[] Target = [.. SyntheticPosterior.Normals(Count, 12, 0).Select(z => (double)z)];

    private static double[] Start() => [.. SyntheticPosterior.Normals(Count, 11, 0).Select((z, i) => i < Still ? 0 : 0.1 * z)];

    private static double Slope(int i, double x) => Curvature[i] * (x - 0.3) + 0.5 * Math.Sin(3 * x);

    /// <summary>A prior around zero, so that δ keeps all its digits, as the update model takes it.</summary>
    private sealed class Prior
    {
        private readonly float[] flat = new float[Length * (2 + Rank)];
        private readonly ProximalGram gram;

        public Prior(double scale)
        {
            var tensor = SyntheticPosterior.Make(Rank, 1, ("w", [Count])).Parameters[0];
            Array.Fill(flat, 1f, Length, Length);
            for (var i = 0; i < Count; i++)
            {
                flat[Length + i] = i < Still ? 0 : (float)(scale * tensor.Diagonal[i]);
                for (var k = 0; k < Rank; k++)
                    flat[(2 + k) * Length + i] = i < Still ? 0 : (float)(Math.Sqrt(scale) * tensor.Factor[k * Count + i]);
            }
            gram = ProximalGram.Of((offset, count) => flat.AsSpan((int)offset, count), Length, Rank);
            Dense = Shifted(0, allowSingular: true);
        }

        public DenseGaussian Dense { get; }

        /// <summary>Σ + tI.</summary>
        public DenseGaussian Shifted(double t, bool allowSingular = false) => new(
            new double[Count],
            [.. Enumerable.Range(0, Count).Select(i => flat[Length + i] + (allowSingular && t == 0 && i < Still ? double.Epsilon : t))],
            [.. Enumerable.Range(0, Rank).Select(k => Enumerable.Range(0, Count).Select(i => (double)flat[(2 + k) * Length + i]).ToArray())]);

        public UpdateRunner Runner(bool nesterov)
        {
            var runner = new UpdateRunner(new Sgd { Nesterov = nesterov }, Rank, Length, step: PriorStep.Proximal);
            runner.Set("momentum", (float)Momentum);
            runner.Set("prior_mean", new float[Length]);
            runner.Set("prior_variance", flat[Length..(2 * Length)]);
            runner.Set("prior_factor", flat[(2 * Length)..], Rank, Length);
            runner.Set("theta", [.. Start().Select(x => (float)x), .. new float[Length - Count]]);
            return runner;
        }

        public void Advance(UpdateRunner runner, float rate, Func<int, double, double> slope, bool nesterov, double weight = Weight)
        {
            runner.Set("learning_rate", rate);
            runner.Set("prior_weight", (float)weight);
            var t = rate * (nesterov ? 1 + (double)(float)Momentum : 1) * (float)weight;
            runner.Set("prior_inverse", Array.ConvertAll(gram.Inverse(t), x => (float)x), Rank, Rank);
            runner.Set("gradient", Gradient(runner, slope));
            runner.Step();
        }

        public static float[] Gradient(UpdateRunner runner, Func<int, double, double> slope) =>
            [.. runner.Theta.Select((x, i) => i < Count ? (float)slope(i, x) : 0)];
    }
}
