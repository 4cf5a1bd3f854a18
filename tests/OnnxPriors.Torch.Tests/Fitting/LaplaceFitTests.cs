using OnnxPriors.Graphs;
using OnnxPriors.Priors;
using OnnxPriors.Torch.Fitting;
using OnnxPriors.Torch.Operators;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests.Fitting;

[TestClass]
public sealed class LaplaceFitTests
{
    // The sums are in float64 on both sides; what the posterior holds is their float32.
    private const double Rounding = 1.2e-7;

    private const double Tau = 0.25;

    [TestMethod]
    public void The_empirical_Fisher_is_the_sum_of_squared_gradients_of_single_examples()
    {
        var problem = new TanhPerceptron(seed: 1, examples: 21, batch: 8);
        var expected = Sum(problem, (p, jacobian, label) => [Residual(p, jacobian, label)]);
        AssertCurvature(expected, Fit(problem, CurvatureKind.EmpiricalFisher));
    }

    [TestMethod]
    public void The_Gauss_Newton_diagonal_is_that_of_the_explicit_Jacobians()
    {
        var problem = new TanhPerceptron(seed: 2, examples: 21, batch: 8);
        // diag(JᵀHJ) with H = diag(p) − ppᵀ, term by term, without the root that the fit takes.
        var expected = new double[TanhPerceptron.Count];
        for (var n = 0; n < problem.Labels.Length; n++)
        {
            var (p, jacobian) = problem.At(n);
            for (var i = 0; i < expected.Length; i++)
                for (var c = 0; c < p.Length; c++)
                    for (var d = 0; d < p.Length; d++)
                        expected[i] += jacobian[c][i] * ((c == d ? p[c] : 0) - p[c] * p[d]) * jacobian[d][i];
        }
        AssertCurvature(expected, Fit(problem, CurvatureKind.GaussNewton));
    }

    [TestMethod]
    [DataRow(CurvatureKind.Fisher)]
    [DataRow(CurvatureKind.GaussNewton)]
    public void Sampled_curvatures_scatter_about_the_Gauss_Newton_diagonal_as_their_variance_says(CurvatureKind kind)
    {
        const int Samples = 3000;
        const double StandardErrors = 4.5;
        var problem = new TanhPerceptron(seed: 3, examples: 4, batch: 4);
        var sampled = Curvature(Fit(problem, kind, Samples));
        var exact = Curvature(Fit(problem, CurvatureKind.GaussNewton));
        // For the Fisher the variance of one draw is enumerated; that of the signed root is bounded by E[(Jᵀv)⁴] ≤ 3 (E[(Jᵀv)²])².
        var variance = new double[exact.Length];
        for (var n = 0; n < problem.Labels.Length; n++)
        {
            var (p, jacobian) = problem.At(n);
            double[][] residuals = [.. p.Select((_, c) => Residual(p, jacobian, c))];
            for (var i = 0; i < variance.Length; i++)
            {
                double second = p.Select((share, c) => share * Math.Pow(residuals[c][i], 2)).Sum();
                variance[i] += kind == CurvatureKind.Fisher ? p.Select((share, c) => share * Math.Pow(residuals[c][i], 4)).Sum() - second * second : 2 * second * second;
            }
        }
        for (var i = 0; i < exact.Length; i++)
            Assert.AreEqual(exact[i], sampled[i], StandardErrors * Math.Sqrt(variance[i] / Samples) + Rounding * exact[i]);
        Assert.AreNotEqual(exact[0], sampled[0]);
    }

    [TestMethod]
    public void On_a_network_of_convolutions_every_curvature_is_the_sum_of_squares_of_libtorchs_gradients()
    {
        var (graph, data) = Convolutions(examples: 5);
        using var module = new GraphModule(graph, new GraphModuleOptions { Precision = FloatPrecision.Double });
        double[] empirical = new double[Size(module)], gaussNewton = new double[Size(module)];
        foreach (var batch in data.Epoch(0))
            for (var n = 0; n < batch.Labels.Length; n++)
            {
                using var scope = NewDisposeScope();
                var x = tensor(batch.Values.ToArray(), [.. batch.Shape]).slice(0, n, n + 1, 1);
                var logits = module.Forward(new Dictionary<string, Tensor> { ["x"] = x })["logits"];
                var logp = nn.functional.log_softmax(logits, 1);
                for (var c = 0; c < logits.shape[1]; c++)
                {
                    var gradient = autograd.grad([logp[0, c]], module.Parameters.Values.ToArray(), retain_graph: true).SelectMany(Tensors.ToDoubles).ToArray();
                    var share = Math.Exp(logp[0, c].item<double>());
                    for (var i = 0; i < gradient.Length; i++)
                    {
                        gaussNewton[i] += share * gradient[i] * gradient[i];
                        if (c == batch.Labels.Span[n]) empirical[i] += gradient[i] * gradient[i];
                    }
                }
            }

        AssertCurvature(empirical, Run(module, data, new LaplaceOptions { Curvature = CurvatureKind.EmpiricalFisher, PriorPrecision = Tau }));
        AssertCurvature(gaussNewton, Run(module, data, new LaplaceOptions { Curvature = CurvatureKind.GaussNewton, PriorPrecision = Tau }));
    }

    [TestMethod]
    public void The_posterior_has_the_models_weights_for_its_mean_and_no_factor()
    {
        var problem = new TanhPerceptron(seed: 4, examples: 10, batch: 4);
        var posterior = Fit(problem, CurvatureKind.Fisher, 2);

        Assert.AreEqual("laplace-fisher", posterior.Metadata.Method);
        Assert.AreEqual(PosteriorForm.Laplace, posterior.Metadata.Form);
        Assert.AreEqual((0, 10, Tau), (posterior.Metadata.Rank, posterior.Metadata.Samples, posterior.Metadata.PriorPrecision));
        Assert.AreSequenceEqual(problem.Weights, posterior.Parameters.SelectMany(t => t.Mean).Select(v => (double)v));
        foreach (var tensor in posterior.Parameters)
            Assert.IsEmpty(tensor.Factor);
    }

    [TestMethod]
    public void The_same_seed_draws_the_same_labels_whatever_the_batches_are()
    {
        var one = Curvature(Fit(new TanhPerceptron(seed: 5, examples: 12, batch: 12), CurvatureKind.Fisher));
        Assert.AreSequenceEqual(one, Curvature(Fit(new TanhPerceptron(seed: 5, examples: 12, batch: 5), CurvatureKind.Fisher)));
        Assert.AreNotSequenceEqual(one, Curvature(Fit(new TanhPerceptron(seed: 5, examples: 12, batch: 5), CurvatureKind.Fisher, seed: 1)));
    }

    [TestMethod]
    public void What_the_logits_do_not_depend_on_is_left_out_and_only_named_parameters_are_fitted()
    {
        var problem = new TanhPerceptron(seed: 6, examples: 4, batch: 4);
        using var module = new GraphModule(problem.Graph());
        Assert.AreSequenceEqual(["w2"], Run(module, problem, new LaplaceOptions { Parameters = ["w2"] }).Parameters.Select(t => t.Name));
    }

    [TestMethod]
    public void Settings_that_give_no_posterior_are_refused()
    {
        var problem = new TanhPerceptron(seed: 7, examples: 4, batch: 4);
        using var module = new GraphModule(problem.Graph());
        foreach (var options in (LaplaceOptions[])[
            new() { PriorPrecision = 0 }, new() { PriorPrecision = double.NaN }, new() { Samples = 0 }, new() { Samples = -1, Curvature = CurvatureKind.GaussNewton },
            new() { Samples = 2, Curvature = CurvatureKind.EmpiricalFisher }, new() { Parameters = ["other"] }])
            Assert.ThrowsExactly<FitException>(() => Run(module, problem, options));
        module.Statistics = BatchStatistics.Batch;
        Assert.Contains("running statistics", Assert.ThrowsExactly<FitException>(() => Run(module, problem, new())).Message);
    }

    private static Posterior Fit(TanhPerceptron problem, CurvatureKind kind, int? samples = null, ulong seed = 0)
    {
        using var module = new GraphModule(problem.Graph(), new GraphModuleOptions { Precision = FloatPrecision.Double });
        return Run(module, problem, new LaplaceOptions { Curvature = kind, Samples = samples, PriorPrecision = Tau, Seed = seed });
    }

    private static Posterior Run(GraphModule module, ILabelledBatches data, LaplaceOptions options) => new LaplaceFit(module, options).Run(data, "sha");

    private static double[] Curvature(Posterior posterior) => [.. posterior.Parameters.SelectMany(t => t.Curvature!).Select(v => (double)v)];

    private static double[] Sum(TanhPerceptron problem, Func<double[], double[][], long, double[][]> vectors)
    {
        var sum = new double[TanhPerceptron.Count];
        for (var n = 0; n < problem.Labels.Length; n++)
        {
            var (p, jacobian) = problem.At(n);
            foreach (var vector in vectors(p, jacobian, problem.Labels[n]))
                for (var i = 0; i < sum.Length; i++) sum[i] += vector[i] * vector[i];
        }
        return sum;
    }

    /// <summary>Jᵀ(p − e_y): the gradient of one example's loss.</summary>
    private static double[] Residual(double[] p, double[][] jacobian, long y) =>
        [.. Enumerable.Range(0, jacobian[0].Length).Select(i => p.Select((share, c) => (share - (c == y ? 1 : 0)) * jacobian[c][i]).Sum())];

    private static void AssertCurvature(double[] expected, Posterior posterior)
    {
        var curvature = Curvature(posterior);
        double[] variance = [.. posterior.Parameters.SelectMany(t => t.Diagonal).Select(v => (double)v)];
        Assert.HasCount(expected.Length, curvature);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], curvature[i], Rounding * expected[i] + 1e-30);
            Assert.AreEqual(1 / (expected[i] + Tau), variance[i], Rounding / (expected[i] + Tau));
        }
    }

    private static int Size(GraphModule module) => (int)module.Parameters.Values.Sum(p => p.numel());

    /// <summary>Convolution with a normalisation of running statistics, pooling, and a convolution of one pixel as the head.</summary>
    private static (Graph Graph, ILabelledBatches Data) Convolutions(int examples)
    {
        var random = new Random(8);
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 2, 6, 6]);
        var wide = b.Apply("Conv", [x, b.Parameter("conv", TensorData.Of(Values(3 * 2 * 9, 0.4), 3, 2, 3, 3)), b.Parameter("bias", TensorData.Of(Values(3, 0.2), 3))]);
        var normal = b.Apply("BatchNormalization",
        [
            wide, b.Parameter("scale", TensorData.Of([1f, 1.5f, 0.5f], 3)), b.Parameter("shift", TensorData.Of(Values(3, 0.3), 3)),
            b.Parameter("mean", TensorData.Of(Values(3, 0.2), 3)), b.Parameter("variance", TensorData.Of([0.8f, 1.2f, 1f], 3)),
        ]);
        var pooled = b.Apply("GlobalAveragePool", [b.Apply("Softplus", [normal])]);
        var scores = b.Apply("Conv", [pooled, b.Parameter("head", TensorData.Of(Values(4 * 3, 1), 4, 3, 1, 1))]);
        var logits = b.Reshape(scores, -1, 4);
        var batch = new LabelledBatch(Values(examples * 72, 1), [examples, 2, 6, 6], Enumerable.Range(0, examples).Select(i => (long)(i % 4)).ToArray());
        return (b.Build([("logits", logits)]), new OneBatch(batch));

        float[] Values(int count, double scale) => [.. Enumerable.Range(0, count).Select(_ => (float)(scale * (2 * random.NextDouble() - 1)))];
    }

    private sealed record OneBatch(LabelledBatch Batch) : ILabelledBatches
    {
        public IEnumerable<LabelledBatch> Epoch(int epoch) => [Batch];
    }
}
