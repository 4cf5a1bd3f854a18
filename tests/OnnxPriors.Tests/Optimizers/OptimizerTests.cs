using OnnxPriors.Optimizers;
using OnnxPriors.Tests.Artifacts;
using OnnxPriors.Tests.Priors;

namespace OnnxPriors.Tests.Optimizers;

/// <summary>The update model under ONNX Runtime against the same rules in float64, over 100 steps on a curved and bumpy function.</summary>
[TestClass]
public sealed class OptimizerTests
{
    private const int Length = 192;
    private const int Steps = 100;

    /// <summary>Relative, in norm, after 100 steps of float32.</summary>
    private const double Tolerance = 1e-4;

    private static readonly double[] Curvature = [.. SyntheticPosterior.Normals(Length, 10, 0).Select(z => Math.Exp(z))];

    private static double Slope(int i, double x) => Curvature[i] * (x - 0.3) + 0.5 * Math.Sin(3 * x);

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Sgd_follows_its_formula_in_float64(bool nesterov)
    {
        const double Rate = 0.02, Momentum = 0.9;
        var x = Start();
        var m = new double[Length];
        using var runner = Runner(new Sgd { Nesterov = nesterov }, Rate);
        runner.Set("momentum", (float)Momentum);
        for (var step = 1; step <= Steps; step++)
        {
            for (var i = 0; i < Length; i++)
            {
                var g = Slope(i, x[i]);
                m[i] = Momentum * m[i] + g;
                x[i] -= Rate * (nesterov ? g + Momentum * m[i] : m[i]);
            }
            Advance(runner);
        }
        AssertClose(x, runner.Theta);
        AssertClose(m, runner.Get("momentum_buffer"), scale: DenseGaussian.Norm(x));
    }

    [TestMethod]
    [DataRow(0.0)]
    [DataRow(0.1)]
    public void AdamW_follows_its_formula_in_float64(double decay)
    {
        const double Rate = 0.01, Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8;
        var x = Start();
        var (m, v) = (new double[Length], new double[Length]);
        using var runner = Runner(new AdamW { WeightDecay = decay }, Rate);
        for (var step = 1; step <= Steps; step++)
        {
            for (var i = 0; i < Length; i++)
            {
                var g = Slope(i, x[i]);
                m[i] = Beta1 * m[i] + (1 - Beta1) * g;
                v[i] = Beta2 * v[i] + (1 - Beta2) * g * g;
                var unbiased1 = m[i] / (1 - Math.Pow(Beta1, step));
                var unbiased2 = v[i] / (1 - Math.Pow(Beta2, step));
                x[i] = x[i] * (1 - Rate * decay) - Rate * unbiased1 / (Math.Sqrt(unbiased2) + Epsilon);
            }
            runner.Set("step", step);
            Advance(runner);
        }
        AssertClose(x, runner.Theta);
        AssertClose(v, runner.Get("moment2"));
    }

    [TestMethod]
    public void Sghmc_without_noise_is_descent_with_momentum()
    {
        const double Rate = 0.02, Friction = 0.1;
        using var sghmc = Runner(new Sghmc(), Rate);
        sghmc.Set("friction", (float)Friction);
        sghmc.Set("noise_scale", 0);
        sghmc.Set("noise", SyntheticPosterior.Normals(Length, 1, 0));
        using var sgd = Runner(new Sgd(), Rate);
        sgd.Set("momentum", (float)(1 - Friction));
        for (var step = 0; step < Steps; step++)
        {
            Advance(sghmc);
            Advance(sgd);
        }
        AssertClose([.. sgd.Theta.Select(x => (double)x)], sghmc.Theta);
    }

    [TestMethod]
    public void The_files_own_noise_is_standard_normal_and_new_at_each_run()
    {
        const int Many = 1 << 16;
        const double StandardErrors = 6;
        using var runner = new UpdateRunner(new Sgld(), null, Many, exposeNoise: false);
        runner.Set("learning_rate", 0.5f);
        runner.Set("noise_scale", 1);
        var first = runner.Step()["theta_next"];
        runner.Set("theta", new float[Many]);
        var second = runner.Step()["theta_next"];
        foreach (var draw in new[] { first, second })
        {
            Assert.AreEqual(0, draw.Average(x => (double)x) * Math.Sqrt(Many), StandardErrors);
            Assert.AreEqual(0, (draw.Average(x => (double)x * x) - 1) * Math.Sqrt(Many / 2.0), StandardErrors);
        }
        Assert.AreEqual(0, first.Zip(second, (a, b) => (double)a * b).Average() * Math.Sqrt(Many), StandardErrors);
    }

    private static double[] Start() => [.. SyntheticPosterior.Normals(Length, 11, 0).Select(x => (double)x)];

    private static UpdateRunner Runner(Optimizer optimizer, double rate)
    {
        var runner = new UpdateRunner(optimizer, null, Length);
        runner.Set("theta", [.. Start().Select(x => (float)x)]);
        runner.Set("learning_rate", (float)rate);
        return runner;
    }

    private static void Advance(UpdateRunner runner)
    {
        runner.Set("gradient", [.. runner.Theta.Select((x, i) => (float)Slope(i, x))]);
        runner.Step();
    }

    private static void AssertClose(double[] expected, float[] actual, double? scale = null)
    {
        var distance = DenseGaussian.Distance(expected, [.. actual.Select(x => (double)x)]);
        Assert.IsLessThan(Tolerance * (scale ?? DenseGaussian.Norm(expected)), distance);
    }
}
