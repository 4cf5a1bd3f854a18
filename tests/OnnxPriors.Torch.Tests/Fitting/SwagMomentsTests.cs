using OnnxPriors.Torch.Fitting;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests.Fitting;

[TestClass]
public sealed class SwagMomentsTests
{
    // What float32 keeps of a moment after a hundred updates, relative to its size.
    private const double Rounding = 1e-5;

    /// <summary>Gradient descent on ½ Σ a (θ − θ*)² moves each coordinate along θ* + (1 − ηa)^t (θ₀ − θ*): all moments are geometric sums.</summary>
    [TestMethod]
    public void On_a_quadratic_the_moments_are_the_geometric_sums_of_the_path()
    {
        const double rate = 0.05;
        const int steps = 120, rank = 4;
        float[] curvature = [0.5f, 1f, 2f, 4f], start = [3f, -2f, 1000f, 0.25f], target = [1f, 1f, 999f, -0.5f];
        using var scope = NewDisposeScope();
        using var parameter = new Parameter(tensor(start));
        using var moments = new SwagMoments("w", parameter, rank);
        using (no_grad())
            for (var step = 0; step < steps; step++)
            {
                parameter.grad = tensor(curvature) * (parameter - tensor(target));
                moments.Step(rate, momentum: 0, gradientScale: 1, decay: 0);
                moments.Collect();
            }
        var (mean, diagonal, _) = moments.Take(share: 0.5, unit: 1);

        for (var i = 0; i < start.Length; i++)
        {
            double r = 1 - rate * curvature[i], reach = (double)start[i] - target[i];
            double first = reach * r * (1 - Math.Pow(r, steps)) / (1 - r) / steps;
            double second = reach * reach * r * r * (1 - Math.Pow(r, 2 * steps)) / (1 - r * r) / steps;
            Assert.AreEqual(target[i] + first, mean[i], Rounding * Math.Abs(start[i]));
            // At θ = 1000 the gradient itself is only known to float32's step there, about 6e-5 of a reach of 1.
            double tolerance = Math.Abs(start[i]) > 100 ? 1e-3 : Rounding;
            Assert.AreEqual(0.5 * (second - first * first), diagonal[i], tolerance * 0.5 * second);
        }
    }

    [TestMethod]
    public void Steps_below_the_weights_own_resolution_still_have_a_variance()
    {
        using var scope = NewDisposeScope();
        // Float32's step at 1 is 1.2e-7; each gradient step is 1e-9.
        using var parameter = new Parameter(tensor(new[] { 1f }));
        using var moments = new SwagMoments("w", parameter, 2);
        using (no_grad())
            for (var step = 1; step <= 10; step++)
            {
                parameter.grad = tensor(new[] { -1f });
                moments.Step(1e-9, 0, 1, 0);
                moments.Collect();
            }
        var (mean, diagonal, _) = moments.Take(share: 0.5, unit: 1);

        Assert.AreEqual(1f, mean[0]);
        // The variance of 1..10 in units of 1e-9 is 8.25.
        Assert.AreEqual(0.5 * 8.25e-18, diagonal[0], 1e-20);
    }

    [TestMethod]
    public void The_factor_holds_the_last_deviations_from_the_running_mean()
    {
        const int rank = 3;
        float[] path = [1f, 4f, 2f, 8f, 5f];
        using var scope = NewDisposeScope();
        using var parameter = new Parameter(zeros(1));
        using var moments = new SwagMoments("w", parameter, rank);
        var deviations = new List<double>();
        double sum = 0, at = 0;
        using (no_grad())
            for (var i = 0; i < path.Length; i++)
            {
                parameter.grad = tensor(new[] { (float)(at - path[i]) });
                moments.Step(1, 0, 1, 0);
                moments.Collect();
                at = path[i];
                sum += at;
                deviations.Add(at - sum / (i + 1));
            }
        var (_, _, factor) = moments.Take(share: 0.5, unit: 1 / Math.Sqrt(2.0 * (rank - 1)));

        for (var k = 0; k < rank; k++)
            Assert.Contains(w => Math.Abs(w - deviations[path.Length - rank + k] / Math.Sqrt(2.0 * (rank - 1))) < Rounding, factor);
    }
}
