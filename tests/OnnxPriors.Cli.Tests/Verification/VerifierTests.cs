using OnnxPriors.Cli.Verification;
using OnnxPriors.Importing;
using OnnxPriors.Testing;

namespace OnnxPriors.Cli.Tests.Verification;

/// <summary>Four implementations agree on real models: the file and its import under ONNX Runtime, libtorch, and the two gradients.</summary>
[TestClass]
[RequiresShared]
public sealed class VerifierTests
{
    [TestMethod]
    [DataRow("cifar10-cnn-pytorch.onnx", 50_182)]
    [DataRow("iris-mlp-pytorch.onnx", 0)]
    [DataRow("mnist-cnn-cntk.onnx", 5_994)]
    [DataRow("squeezenet-imagenet-caffe2-fp16.onnx", 1_235_496)]
    [DataRow("efficientnet-lite0-imagenet-pytorch.onnx", 4_652_008)]
    public void A_real_model_is_within_its_limits(string file, int parameters)
    {
        var report = Verify(SharedFiles.Path($"models/{file}"));
        Assert.IsEmpty(report.Unsupported, string.Join('\n', report.Unsupported));
        Assert.IsTrue(report.IsWithinLimits, $"forward {report.Forward}, torch {report.Torch}, gradient {report.Gradient}");
        Assert.IsNotNull(report.Forward?.MaxRelativeError);
        Assert.IsNotNull(report.Gradient);
        Assert.IsGreaterThan(0, report.Gradient.Noise, "libtorch in float32 has some error; none at all would mean nothing was compared");
        if (parameters > 0)
            Assert.IsGreaterThanOrEqualTo(parameters, report.Parameters);
    }

    [TestMethod]
    public void A_half_precision_file_is_also_measured_as_it_stands()
    {
        var report = Verify(SharedFiles.Path("models/squeezenet-imagenet-caffe2-fp16.onnx"));
        Assert.IsNotNull(report.Forward?.HalfPrecisionError);
        Assert.IsGreaterThan(0, report.Forward.HalfPrecisionError.Value);
        Assert.IsLessThanOrEqualTo(VerificationReport.Limits.HalfPrecision, report.Forward.HalfPrecisionError.Value);
    }

    private static VerificationReport Verify(string path) =>
        Verifier.Run(new VerificationRequest(path, null, new ImportOptions(), 0), _ => { }, CancellationToken.None);
}
