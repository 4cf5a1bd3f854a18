using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Testing;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests;

[TestClass]
[RequiresShared]
public sealed class RealModelTests
{
    // The limit that the project sets itself for the whole model, relative to the output's norm.
    private const double Limit = 1e-4;

    [TestMethod]
    [DataRow("squeezenet-imagenet-caffe2-fp16.onnx", 64.0, 2L, 3L, 224L, 224L)]
    [DataRow("efficientnet-lite0-imagenet-pytorch.onnx", 1.0, 2L, 3L, 224L, 224L)]
    [DataRow("cifar10-cnn-pytorch.onnx", 1.0, 2L, 3L, 32L, 32L)]
    [DataRow("mnist-cnn-cntk.onnx", 64.0, 2L, 1L, 28L, 28L)]
    [DataRow("iris-mlp-pytorch.onnx", 1.0, 2L, 4L)]
    public void The_module_and_the_real_runtime_agree_on_a_whole_model(string file, double scale, params long[] shape)
    {
        var graph = ModelImporter.Import(OnnxFile.Load(SharedFiles.Path($"models/{file}")), new ImportOptions { Form = ImportForm.OwnHead }).Graph;
        var random = new Random(4);
        var values = new float[shape.Aggregate(1L, (n, d) => n * d)];
        for (var i = 0; i < values.Length; i++) values[i] = (float)(scale * (2 * random.NextDouble() - 1));
        string input = graph.Inputs[0].Name, output = graph.Outputs[0].Name;

        using var scope = NewDisposeScope();
        using var module = new GraphModule(graph);
        double[] actual = Tensors.ToDoubles(module.Forward(new Dictionary<string, Tensor> { [input] = tensor(values, shape) })[output]);
        using var session = new InferenceSession(OnnxFile.ToBytes(Model.Canonical(graph)));
        using var options = new RunOptions();
        using var given = OrtValue.CreateTensorValueFromMemory(values, shape);
        using var results = session.Run(options, [input], [given], [output]);
        float[] expected = results[0].GetTensorDataAsSpan<float>().ToArray();

        Assert.HasCount(expected.Length, actual);
        double distance = Math.Sqrt(actual.Zip(expected).Sum(p => Math.Pow(p.First - p.Second, 2)) / expected.Sum(v => (double)v * v));
        Assert.IsLessThan(Limit, distance);
    }
}
