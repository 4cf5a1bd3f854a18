using OnnxPriors.Artifacts;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Priors;
using OnnxPriors.Tests.Priors;

namespace OnnxPriors.Tests.Artifacts;

[TestClass]
public sealed class UpdateModelTests
{
    /// <summary>What the prior promises where nothing cancels.</summary>
    private const double Tolerance = 1e-5;

    /// <summary>Times 1 + λ_max(WᵀD⁻¹W): what it promises along the factor.</summary>
    private const double CancellationTolerance = 1.0 / (1 << 20);

    [TestMethod]
    [DataRow("sgd", null, "theta,gradient,learning_rate,clip_norm,momentum_buffer,momentum", "theta_next,momentum_buffer_next,gradient_norm")]
    [DataRow("adamw", 0, "theta,gradient,learning_rate,clip_norm,prior_mean,prior_precision,prior_weight,moment1,moment2,step", "theta_next,moment1_next,moment2_next,prior_energy,gradient_norm")]
    [DataRow("sgld", 3, "theta,gradient,learning_rate,clip_norm,prior_mean,prior_precision,prior_factor,prior_weight,noise_scale", "theta_next,prior_energy,gradient_norm")]
    [DataRow("sghmc", 3, "theta,gradient,learning_rate,clip_norm,prior_mean,prior_precision,prior_factor,prior_weight,velocity,friction,noise_scale", "theta_next,velocity_next,prior_energy,gradient_norm")]
    public void Inputs_and_outputs_are_those_agreed_on(string name, int? rank, string inputs, string outputs)
    {
        using var runner = new UpdateRunner(Optimizer.Find(name)!, rank, 64, exposeNoise: false);
        Assert.AreEqual(inputs, string.Join(',', runner.InputNames));
        Assert.AreEqual(outputs, string.Join(',', runner.OutputNames));
    }

    [TestMethod]
    public void The_file_stays_a_few_kilobytes_of_standard_operators()
    {
        var model = UpdateModel.Build(new AdamW(), 5);
        Assert.IsLessThan(8192, OnnxFile.ToBytes(model).Length);
        Assert.IsTrue(model.Graph.Nodes.All(node => node.Domain.Length == 0));
    }

    [TestMethod]
    [DataRow(0f, false)]
    [DataRow(-1f, false)]
    [DataRow(float.PositiveInfinity, false)]
    [DataRow(1e6f, false)]
    [DataRow(2f, true)]
    public void The_data_gradient_is_clipped_by_its_norm_and_the_prior_is_not(float bound, bool clips)
    {
        const int Length = 128;
        var gradient = SyntheticPosterior.Normals(Length, 1, 0);
        var theta = SyntheticPosterior.Normals(Length, 1, 1);
        using var runner = new UpdateRunner(new Sgd(), 0, Length);
        runner.Set("theta", theta);
        runner.Set("gradient", gradient);
        runner.Set("clip_norm", bound);
        runner.Set("learning_rate", 1);
        runner.Set("momentum", 0);
        runner.Set("prior_mean", new float[Length]);
        runner.Set("prior_precision", [.. Enumerable.Repeat(100f, Length)]);
        runner.Set("prior_weight", 0.5f);
        var outputs = runner.Step();

        var norm = DenseGaussian.Norm([.. gradient.Select(g => (double)g)]);
        Assert.AreEqual(norm, outputs["gradient_norm"][0], 1e-6 * norm);
        for (var i = 0; i < Length; i++)
            Assert.AreEqual(gradient[i] * (clips ? bound / norm : 1) + 50 * theta[i], outputs["momentum_buffer_next"][i], 1e-4);
        Assert.AreEqual(50 * theta.Sum(t => (double)t * t), outputs["prior_energy"][0], 0.01);
    }

    [TestMethod]
    public void The_priors_energy_and_gradient_are_those_of_the_dense_covariance()
    {
        var posterior = SyntheticPosterior.Make(5, 1, ("w", [30, 20]));
        var options = new RescaleOptions { Scale = 3, Epsilon = 1e-6 };
        var reference = DenseGaussian.Of(posterior, options);
        var prior = GaussianPrior.Build([PriorSegment.Learned("w", 0, 600, 0)], 640, posterior, options);
        using var runner = WithPrior(prior);
        for (var trial = 0u; trial < 6; trial++)
        {
            var theta = new float[640];
            if (trial % 2 == 0)
                prior.Sample(1, trial, theta);
            else
                theta = SyntheticPosterior.Normals(640, 2, trial);
            var (energy, gradient, delta) = Evaluate(runner, theta, reference);
            Assert.AreEqual(1, energy / reference.Energy(delta), Tolerance);
            var expected = reference.Gradient(delta);
            Assert.IsLessThan(Tolerance * DenseGaussian.Norm(expected), DenseGaussian.Distance(gradient, expected));
        }
    }

    [TestMethod]
    public void Along_the_factor_what_remains_after_cancellation_is_right()
    {
        var posterior = SyntheticPosterior.Make(5, 1, ("w", [30, 20]));
        var options = new RescaleOptions { Scaling = PriorScaling.Official, Scale = 100 };
        var reference = DenseGaussian.Of(posterior, options);
        var ratio = 1 + reference.LargestRatio();
        Assert.IsGreaterThan(1e4, ratio, "the case is meant to cancel");
        using var runner = WithPrior(GaussianPrior.Build([PriorSegment.Learned("w", 0, 600, 0)], 640, posterior, options));
        for (var trial = 0u; trial < 5; trial++)
        {
            var z = SyntheticPosterior.Normals(5, 5, trial).Select(x => (double)x).ToArray();
            var theta = new float[640];
            for (var i = 0; i < 600; i++)
                theta[i] = (float)(reference.Mean[i] + reference.Along(z, i));
            var (energy, gradient, delta) = Evaluate(runner, theta, reference);
            Assert.AreEqual(1, energy / reference.Energy(delta), CancellationTolerance * ratio);
            var uncancelled = DenseGaussian.Norm([.. delta.Select((d, i) => d / reference.Diagonal[i])]);
            Assert.IsLessThan(CancellationTolerance * uncancelled, DenseGaussian.Distance(gradient, reference.Gradient(delta)));
        }
    }

    [TestMethod]
    public void Sums_keep_their_precision_on_long_states()
    {
        // Float32 accumulation over so many terms would be wrong in the fourth digit or loses the small ones entirely.
        const int Length = 1 << 22;
        var gradient = new float[Length];
        Array.Fill(gradient, 1.1f);
        gradient[0] = 4000;
        using var runner = new UpdateRunner(new Sgd(), 0, Length);
        runner.Set("theta", [.. gradient]);
        runner.Set("gradient", gradient);
        runner.Set("learning_rate", 0);
        runner.Set("momentum", 0);
        runner.Set("prior_mean", new float[Length]);
        runner.Set("prior_precision", [.. Enumerable.Repeat(1f, Length)]);
        runner.Set("prior_weight", 0);
        var outputs = runner.Step();
        var squares = 4000.0 * 4000 + (Length - 1) * (1.1 * 1.1);
        Assert.AreEqual(1, outputs["gradient_norm"][0] / Math.Sqrt(squares), 1e-6);
        Assert.AreEqual(1, outputs["prior_energy"][0] / (squares / 2), 1e-6);
    }

    private static UpdateRunner WithPrior(GaussianPrior prior)
    {
        var runner = new UpdateRunner(new Sgd(), prior.Rank, prior.Length);
        runner.Set("learning_rate", 1);
        runner.Set("momentum", 0);
        runner.Set("prior_mean", prior.Mean);
        runner.Set("prior_precision", prior.Precision);
        runner.Set("prior_factor", [.. prior.Factor.SelectMany(row => row)], prior.Rank, prior.Length);
        runner.Set("prior_weight", 1);
        return runner;
    }

    private static (double Energy, double[] Gradient, double[] Delta) Evaluate(UpdateRunner runner, float[] theta, DenseGaussian reference)
    {
        runner.Set("theta", theta);
        var outputs = runner.Step();
        var delta = reference.Mean.Select((m, i) => theta[i] - m).ToArray();
        // With no data gradient and no momentum the buffer is the prior's gradient itself.
        return (outputs["prior_energy"][0], [.. outputs["momentum_buffer_next"].Take(reference.Size).Select(g => (double)g)], delta);
    }
}
