using OnnxPriors.Cli.Verification;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;

namespace OnnxPriors.Cli.Tests.Verification;

/// <summary>An untrained network as PyTorch writes it: its scales and running variances, all one, are a single tensor.</summary>
[TestClass]
public sealed class SharedStatisticsTests
{
    [TestMethod]
    public void A_scale_that_is_also_a_running_variance_has_a_gradient()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("shared-statistics-").FullName, "model.onnx");
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 3, 8, 8]);
        var kernel = b.Parameter("kernel", TensorData.Of(Enumerable.Range(0, 81).Select(i => MathF.Sin(i)).ToArray(), 3, 3, 3, 3));
        var (ones, zeros) = (b.Parameter("ones", TensorData.Of([1f, 1, 1], 3)), b.Parameter("zeros", TensorData.Of([0f, 0, 0], 3)));
        var first = b.Emit("BatchNormalization", [b.Emit("Conv", [x, kernel])[0], ones, zeros, zeros, ones])[0];
        var second = b.Emit("BatchNormalization", [b.Relu(first), ones, zeros, zeros, ones])[0];
        OnnxFile.Save(Model.Canonical(b.Build([("y", second)])), path);

        var report = Verifier.Run(new VerificationRequest(path, null, new ImportOptions(), 0), _ => { }, CancellationToken.None);

        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        Assert.IsTrue(report.IsWithinLimits, $"forward {report.Forward}, torch {report.Torch}, gradient {report.Gradient}");
        Assert.AreEqual(3, report.Trainable, "kernel, ones and zeros; the statistics are none of them");
    }
}
