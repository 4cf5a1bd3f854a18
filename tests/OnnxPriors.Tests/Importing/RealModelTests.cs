using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Testing;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Importing;

/// <summary>Real pretrained files of several exporters: what is imported computes what the file computes.</summary>
[TestClass]
public sealed class RealModelTests
{
    // Only the order of float32 operations may differ after import.
    private const double Tolerance = 1e-5;

    [TestMethod]
    [RequiresShared]
    [DataRow("cifar10-cnn-pytorch.onnx")]
    [DataRow("efficientnet-lite0-imagenet-pytorch.onnx")]
    [DataRow("iris-mlp-pytorch.onnx")]
    [DataRow("mnist-cnn-cntk.onnx")]
    public void The_imported_graph_computes_what_the_file_computes(string file)
    {
        var path = SharedFiles.Path("models/" + file);
        var imported = ModelImporter.Import(OnnxFile.Load(path));
        var inputs = imported.Graph.Inputs.ToDictionary(i => i.Name, i => OnnxRuntime.Normal(i.Shape!, 1, i.Type, batch: 2));
        var expected = OnnxRuntime.Run(File.ReadAllBytes(path), inputs);
        var actual = OnnxRuntime.Run(imported.ToModel(), inputs);
        foreach (var (name, tensor) in expected)
            Assert.IsLessThan(Tolerance, OnnxRuntime.RelativeError(actual[name], tensor), name);
    }

    [TestMethod]
    [RequiresShared]
    [DataRow("squeezenet-imagenet-caffe2-fp16.onnx")]
    [DataRow("cifar10-cnn-pytorch.onnx")]
    [DataRow("efficientnet-lite0-imagenet-pytorch.onnx")]
    [DataRow("iris-mlp-pytorch.onnx")]
    [DataRow("mnist-cnn-cntk.onnx")]
    public void A_batch_of_three_gives_each_example_the_scores_it_has_alone(string file)
    {
        var model = OnnxFile.Load(SharedFiles.Path("models/" + file));
        var imported = ModelImporter.Import(model, new() { Form = ImportForm.OwnHead });
        var bytes = OnnxFile.ToBytes(imported.ToModel());
        var input = imported.Graph.Inputs.Single();
        var batch = OnnxRuntime.Normal(input.Shape!, 2, input.Type, batch: 3);
        var together = OnnxRuntime.Run(bytes, new Dictionary<string, TensorData> { [input.Name] = batch })[imported.Logits!.Name];
        Assert.AreEqual(3, together.Dimensions[0]);
        for (var i = 0; i < 3; i++)
        {
            var alone = OnnxRuntime.Run(bytes, new Dictionary<string, TensorData> { [input.Name] = Row(batch, i) })[imported.Logits.Name];
            Assert.IsLessThan(Tolerance, OnnxRuntime.RelativeError(alone, Row(together, i)));
        }
    }

    private static TensorData Row(TensorData all, int index)
    {
        var size = all.Bytes.Length / (int)all.Dimensions[0];
        return new(all.Type, all.Dimensions.SetItem(0, 1), all.Bytes.Slice(index * size, size));
    }
}
