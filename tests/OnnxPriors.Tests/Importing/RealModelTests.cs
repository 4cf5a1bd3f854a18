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

    [TestMethod]
    public void The_demo_model_is_imported_with_a_head_and_features()
    {
        var path = Path.Combine(SharedFiles.Checkout, "models", "demo-digits.onnx");
        var model = OnnxFile.Load(path);
        var own = ModelImporter.Import(model, new() { Form = ImportForm.OwnHead });
        var input = own.Graph.Inputs.Single();
        var batch = new Dictionary<string, TensorData> { [input.Name] = OnnxRuntime.Normal(input.Shape!, 3, input.Type, batch: 5) };
        var expected = OnnxRuntime.Run(File.ReadAllBytes(path), batch).Values.Single();
        Assert.IsLessThan(Tolerance, OnnxRuntime.RelativeError(OnnxRuntime.Run(own.ToModel(), batch).Values.Single(), expected));
        Assert.IsNotNull(own.Split, own.SplitProblem);
        Assert.IsTrue(own.Tensors.Any(t => t.Part == ModelPart.Head) && own.Tensors.Any(t => t.Part == ModelPart.Features));
    }

    [TestMethod]
    [RequiresShared]
    public void A_half_precision_file_computes_what_it_does_with_its_types_widened()
    {
        var path = SharedFiles.Path("models/squeezenet-imagenet-caffe2-fp16.onnx");
        var imported = ModelImporter.Import(OnnxFile.Load(path), new() { Form = ImportForm.OwnHead });
        var input = imported.Graph.Inputs.Single();
        var image = OnnxRuntime.Normal(input.Shape!, 4);
        var inputs = new Dictionary<string, TensorData> { [input.Name] = TensorData.Of(Array.ConvertAll(image.ToSingle(), v => 60 * v), image.Dimensions) };
        var probabilities = OnnxRuntime.Run(HalfWidening.Widen(path), inputs).Values.Single().ToDouble();
        var scores = OnnxRuntime.Run(imported.ToModel(), inputs).Values.Single().ToDouble();
        var largest = scores.Max();
        var sum = scores.Sum(s => Math.Exp(s - largest));
        for (var i = 0; i < scores.Length; i++)
            Assert.AreEqual(probabilities[i], Math.Exp(scores[i] - largest) / sum, Tolerance);
        // As the file has them, input and output stay float16.
        var asFile = ModelImporter.Import(OnnxFile.Load(path));
        var half = new Dictionary<string, TensorData> { [input.Name] = inputs[input.Name].ConvertTo(ElementType.Float16) };
        var own = OnnxRuntime.Run(asFile.ToModel(), half).Values.Single();
        Assert.AreEqual(ElementType.Float16, own.Type);
        CollectionAssert.AreEqual(new long[] { 1, 1000, 1, 1 }, own.Dimensions.ToArray());
    }

    [TestMethod]
    [RequiresShared]
    [DataRow("squeezenet-imagenet-caffe2-fp16.onnx", "fire9/concat_1", "conv10_1", 52)]
    [DataRow("cifar10-cnn-pytorch.onnx", "45", "Gemm_11", 10)]
    [DataRow("efficientnet-lite0-imagenet-pytorch.onnx", "/Reshape_output_0", "/_fc/Gemm", 149)]
    [DataRow("iris-mlp-pytorch.onnx", "10", "Gemm_4", 6)]
    [DataRow("mnist-cnn-cntk.onnx", "Pooling160_Output_0_reshape0", "Times212", 6)]
    public void The_split_and_the_weights_are_those_a_person_would_name(string file, string features, string layer, int trainable)
    {
        var imported = ModelImporter.Import(OnnxFile.Load(SharedFiles.Path("models/" + file)), new() { Form = ImportForm.OwnHead });
        Assert.AreEqual(features, imported.Split!.Features.Name);
        Assert.Contains($"'{layer}'", imported.Split.Layer!.Title);
        Assert.HasCount(trainable, imported.Trainable);
    }

    private static TensorData Row(TensorData all, int index)
    {
        var size = all.Bytes.Length / (int)all.Dimensions[0];
        return new(all.Type, all.Dimensions.SetItem(0, 1), all.Bytes.Slice(index * size, size));
    }
}
