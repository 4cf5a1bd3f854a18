using OnnxPriors.Torch.Native;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests.Native;

[TestClass]
public sealed class TorchNativeTests
{
    [TestMethod]
    public void A_small_training_runs()
    {
        TorchNative.EnsureLoaded();
        using var scope = NewDisposeScope();
        manual_seed(1);
        var x = randn(64, 3);
        var truth = tensor(new[] { 1f, -2f, 0.5f });
        var y = x.matmul(truth);
        var w = zeros(3, requires_grad: true);
        for (var step = 0; step < 200; step++)
        {
            using var inner = NewDisposeScope();
            var loss = (x.matmul(w) - y).square().mean();
            w.grad?.zero_();
            loss.backward();
            using (no_grad()) w.sub_(w.grad! * 0.1);
        }
        // A noiseless linear problem: gradient descent reaches the weights that made it, up to float32's rounding.
        Assert.IsTrue(allclose(w.detach(), truth, atol: 1e-4));
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void The_copy_is_used_where_the_host_lacks_the_version_and_the_package_file_stays_as_it_was()
    {
        string path = TorchNative.Find("libLibTorchSharp.so")!;
        var state = TorchNative.EnsureLoaded();
        using (ones(1)) { }

        Assert.IsNotNull(VersionShim.Weaken(File.ReadAllBytes(path)), "The package's own file was changed.");
        string[] maps = [.. File.ReadLines("/proc/self/maps").Where(line => line.Contains("libLibTorchSharp.so", StringComparison.Ordinal))];
        Assert.IsNotEmpty(maps);
        bool fromPackage = maps.Any(line => line.EndsWith(path, StringComparison.Ordinal));
        Assert.AreEqual(state == TorchNativeState.NotNeeded, fromPackage);
    }
}
