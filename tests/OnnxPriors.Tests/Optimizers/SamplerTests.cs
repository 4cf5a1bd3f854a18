using OnnxPriors.Optimizers;
using OnnxPriors.Priors;
using OnnxPriors.Randomness;
using OnnxPriors.Tests.Artifacts;
using OnnxPriors.Tests.Priors;

namespace OnnxPriors.Tests.Optimizers;

/// <summary>
/// SGLD and SGHMC under ONNX Runtime on Gaussian targets exp(−U/T), U = N · mean loss − log p(θ), against the stationary law of the
/// discretised chain in closed form. Every coordinate is a chain of its own; snapshots are far enough apart to be independent.
/// </summary>
[TestClass]
public sealed class SamplerTests
{
    /// <summary>Of some dozens of comparisons with a fixed seed none passes this many standard errors.</summary>
    private const double StandardErrors = 4;

    private const double N = 500;

    [TestMethod]
    [DataRow(2.0, 0.3, 1.0)]
    [DataRow(2.0, 1.0, 1.0)]
    [DataRow(50.0, 0.03, 0.1)]
    public void Sgld_reaches_the_law_of_its_discretised_chain(double curvature, double eta, double temperature)
    {
        // x − ½ηcx + √η ξ with U = ½c(x − 1)²: the mean loss has the slope c(x − 1)/N, the learning rate is ½ηN.
        using var runner = Chains(new Sgld(), eta * N / 2, temperature);
        var variance = temperature / (curvature * (1 - eta * curvature / 4));
        var memory = 1 - eta * curvature / 2;
        AssertLaw(runner, curvature, variance, spacing: (int)Math.Ceiling(Math.Log(0.01) / Math.Log(Math.Abs(memory) + 1e-9)) + 1);
    }

    [TestMethod]
    [DataRow(2.0, 0.05, 0.1, 1.0)]
    [DataRow(2.0, 0.5, 0.5, 1.0)]
    [DataRow(50.0, 0.01, 0.3, 0.1)]
    public void Sghmc_reaches_the_law_of_its_discretised_chain(double curvature, double eta, double friction, double temperature)
    {
        // v' = (1 − α)v − h(x − 1) + √(2αηT) ξ, x' = x + v', h = ηc, with the learning rate ηN.
        using var runner = Chains(new Sghmc(), eta * N, temperature);
        runner.Set("friction", (float)friction);
        var h = eta * curvature;
        var variance = temperature / curvature / (1 - h / (2 * (2 - friction)));
        Assert.AreEqual(variance, SolveLyapunov(h, friction, 2 * friction * eta * temperature), 1e-9 * variance, "the closed form");
        AssertLaw(runner, curvature, variance, spacing: (int)(12 / friction) + 40);

        var velocities = runner.Get("velocity");
        var expected = 2 * h * variance / (2 - friction);
        Assert.AreEqual(0, (velocities.Average(v => (double)v * v) / expected - 1) * Math.Sqrt(velocities.Length / 2.0), StandardErrors, "velocity");
    }

    [TestMethod]
    [DataRow("sgld")]
    [DataRow("sghmc")]
    public void With_no_data_the_prior_is_sampled_along_its_factor_too(string name)
    {
        // 32 independent blocks of 64 coordinates, each d·I + wwᵀ: eigenvalues d + |w|² along w, d across it.
        const int Blocks = 32, Length = Blocks * 64, Snapshots = 40, Spacing = 60;
        const double Diagonal = 0.01, Ratio = 4, Temperature = 0.5;
        var factor = new float[Blocks * Length];
        var directions = new double[Length];
        for (var block = 0; block < Blocks; block++)
        {
            var z = SyntheticPosterior.Normals(64, 20, (ulong)block);
            var norm = Math.Sqrt(z.Sum(x => (double)x * x));
            for (var i = 0; i < 64; i++)
            {
                directions[block * 64 + i] = z[i] / norm;
                factor[block * Length + block * 64 + i] = (float)(z[i] / norm * Math.Sqrt((Ratio - 1) * Diagonal));
            }
        }
        var mean = SyntheticPosterior.Normals(Length, 21, 0);
        var posterior = new Posterior(SyntheticPosterior.Metadata(Blocks),
            [new PosteriorTensor("w", [Length], mean, [.. Enumerable.Repeat((float)Diagonal, Length)], factor)]);
        var prior = GaussianPrior.Build([PriorSegment.Learned("w", 0, Length, 0)], Length, posterior);

        // ½η/d = ½ for SGLD: across w the discretisation shows clearly; h = η/d = ½ for SGHMC.
        const double Friction = 0.5;
        var eta = name == "sgld" ? Diagonal : Diagonal / 2;
        var optimizer = Optimizer.Find(name)!;
        using var runner = Chains(optimizer, name == "sgld" ? eta * N / 2 : eta * N, Temperature, prior);
        if (name == "sghmc")
            runner.Set("friction", (float)Friction);
        runner.Set("prior_weight", (float)(1 / N));
        double Law(double precision) => name == "sgld"
            ? Temperature / (precision * (1 - eta * precision / 4))
            : Temperature / precision / (1 - eta * precision / (2 * (2 - Friction)));

        var (along, across) = (0.0, 0.0);
        var start = new float[Length];
        prior.Sample(22, 0, start);
        runner.Set("theta", start);
        for (var step = 0; step < (Snapshots + 2) * Spacing; step++)
        {
            Step(runner, step);
            if (step < 2 * Spacing || step % Spacing != Spacing - 1)
                continue;
            for (var block = 0; block < Blocks; block++)
            {
                var (dot, square) = (0.0, 0.0);
                for (var i = block * 64; i < block * 64 + 64; i++)
                {
                    var delta = (double)runner.Theta[i] - mean[i];
                    dot += directions[i] * delta;
                    square += delta * delta;
                }
                along += dot * dot;
                across += square - dot * dot;
            }
        }
        const double Draws = Snapshots * Blocks;
        Assert.AreEqual(0, (along / Draws / Law(1 / (Ratio * Diagonal)) - 1) * Math.Sqrt(Draws / 2), StandardErrors, "along the factor");
        Assert.AreEqual(0, (across / (Draws * 63) / Law(1 / Diagonal) - 1) * Math.Sqrt(Draws * 63 / 2), StandardErrors, "across the factor");
    }

    private static UpdateRunner Chains(Optimizer optimizer, double learningRate, double temperature, GaussianPrior? prior = null)
    {
        var runner = new UpdateRunner(optimizer, prior?.Rank, prior?.Length ?? 1 << 12);
        runner.Set("learning_rate", (float)learningRate);
        runner.Set("noise_scale", (float)Math.Sqrt(temperature / N));
        if (prior is not null)
        {
            runner.Set("prior_mean", prior.Mean);
            runner.Set("prior_precision", prior.Precision);
            runner.Set("prior_factor", [.. prior.Factor.SelectMany(row => row)], prior.Rank, prior.Length);
        }
        return runner;
    }

    private static void Step(UpdateRunner runner, int step)
    {
        var noise = new float[runner.Length];
        Philox.FillNormal(noise, 31, (ulong)step);
        runner.Set("noise", noise);
        runner.Step();
    }

    private static void AssertLaw(UpdateRunner runner, double curvature, double variance, int spacing)
    {
        const int Snapshots = 8;
        var (sum, squares) = (0.0, 0.0);
        for (var step = 0; step < (Snapshots + 2) * spacing; step++)
        {
            runner.Set("gradient", [.. runner.Theta.Select(x => (float)(curvature * (x - 1.0) / N))]);
            Step(runner, step);
            if (step < 2 * spacing || step % spacing != spacing - 1)
                continue;
            sum += runner.Theta.Sum(x => x - 1.0);
            squares += runner.Theta.Sum(x => (x - 1.0) * (x - 1.0));
        }
        var draws = (double)Snapshots * runner.Length;
        Assert.AreEqual(0, sum / draws / Math.Sqrt(variance / draws), StandardErrors, "mean");
        Assert.AreEqual(0, (squares / draws / variance - 1) * Math.Sqrt(draws / 2), StandardErrors, "variance");
    }

    /// <summary>Var x from S = ASAᵀ + σ²(1 1; 1 1), A = (1 − h, 1 − α; −h, 1 − α), by iterating it.</summary>
    private static double SolveLyapunov(double h, double friction, double noise)
    {
        var m = 1 - friction;
        var (xx, xv, vv) = (0.0, 0.0, 0.0);
        for (var i = 0; i < 20000; i++)
        {
            var velocity = h * h * xx - 2 * h * m * xv + m * m * vv + noise;
            var cross = -h * (1 - h) * xx + (m * (1 - h) - h * m) * xv + m * m * vv + noise;
            xx = (1 - h) * (1 - h) * xx + 2 * (1 - h) * m * xv + m * m * vv + noise;
            (xv, vv) = (cross, velocity);
        }
        return xx;
    }
}
