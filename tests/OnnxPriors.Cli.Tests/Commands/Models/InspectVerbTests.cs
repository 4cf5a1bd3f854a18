using System.Text.Json.Nodes;
using OnnxPriors.Cli.Tests.BadInput;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Testing;

namespace OnnxPriors.Cli.Tests.Commands.Models;

/// <summary>What is missing is named in one go, and what training takes is said before anything is baked.</summary>
[TestClass]
public sealed class InspectVerbTests : IDisposable
{
    private readonly Workbench bench = new();

    public void Dispose() => bench.Dispose();

    [TestMethod]
    public void Three_unsupported_operators_are_named_with_their_nodes_counts_and_advice()
    {
        Write(b => b.Erf(b.Tanh(b.Tanh(b.Sigmoid(Input(b))))));
        bench.Patch("model.onnx", "Sigmoid", "Sagmoid");
        bench.Patch("model.onnx", "Tanh", "Tonh");
        bench.Patch("model.onnx", "Erf", "Orf");
        var unsupported = Inspect()["unsupported"]!.AsArray();
        Assert.AreSequenceEqual(["Orf", "Sagmoid", "Tonh"], unsupported.Select(u => (string)u!["operator"]!).Order(StringComparer.Ordinal));
        var twice = unsupported.Single(u => (string)u!["operator"]! == "Tonh")!;
        Assert.AreEqual(2, (int)twice["count"]!);
        Assert.AreEqual(2, twice["nodes"]!.AsArray().Select(n => (string)n!).Distinct().Count());
        foreach (var one in unsupported)
            Assert.IsFalse(string.IsNullOrEmpty((string)one!["advice"]!) || string.IsNullOrEmpty((string)one["reason"]!));
        var (code, text, error) = bench.Run("inspect @model.onnx");
        Assert.AreEqual(ExitCode.Done, code, error);
        foreach (var word in (string[])["Orf", "Sagmoid", "Tonh", (string)twice["nodes"]![1]!])
            Assert.Contains(word, text, StringComparison.Ordinal);
    }

    [TestMethod]
    public void What_follows_from_an_unsupported_operator_is_not_blamed()
    {
        // Once the shape of its input is not known, the flattening form of Softmax would ask for the number of axes.
        Write(b => b.Softmax(b.Flatten(b.Sigmoid(Input(b)))));
        bench.Patch("model.onnx", "Sigmoid", "Sagmoid");
        Assert.AreSequenceEqual(["Sagmoid"], Inspect()["unsupported"]!.AsArray().Select(u => (string)u!["operator"]!));
    }

    [TestMethod]
    public void The_memory_of_a_step_is_counted_from_its_gradient_model()
    {
        Write(b => b.MatMul(b.Relu(b.MatMul(Input(b), b.Parameter("first", TensorData.Of(new float[4 * 6], [4, 6])))), b.Parameter("second", TensorData.Of(new float[6 * 5], [6, 5]))));
        var small = Inspect("--batch 8 --rank 3 --optimizer adamw")["training"]!;
        Assert.AreEqual("cross-entropy", (string)small["objective"]!);
        var memory = small["memory"]!;
        // Each of the two tensors takes a place of 64 numbers in the flat state.
        const long Flat = 2 * 64 * sizeof(float);
        Assert.AreEqual(Flat, (long)memory["gradients"]!);
        Assert.AreEqual(2 * 2 * Flat, (long)memory["state"]!, "two moments, each before and after the update");
        Assert.AreEqual((2 + 3) * Flat, (long)memory["prior"]!);
        Assert.AreEqual((8 * 4 * sizeof(float)) + (8 * sizeof(long)) + sizeof(float), (long)memory["inputs"]!, "examples, labels and their number");
        // While the second layer's gradient is made, its input [8, 6] and the gradients of the class scores [8, 5] are there at the least.
        var activations = (long)memory["activations"]!;
        Assert.IsInRange(8 * (6 + 5) * sizeof(float), 8 * 64 * sizeof(float), activations);
        var large = Inspect("--batch 800 --rank 3 --optimizer adamw")["training"]!["memory"]!;
        Assert.IsInRange(90.0, 101.0, (double)(long)large["activations"]! / activations, "activations grow with the batch");
        Assert.AreEqual(0, (int)large["unknown"]!);
    }

    [TestMethod]
    [RequiresShared]
    public void A_real_model_shows_roles_with_reasons_a_split_and_its_memory()
    {
        var model = Inspect(SharedFiles.Path("models/squeezenet-imagenet-caffe2-fp16.onnx"), "");
        Assert.IsEmpty(model["unsupported"]!.AsArray());
        Assert.IsTrue(model["tensors"]!.AsArray().All(t => (string)t!["role"]! == "trainable" && ((string)t["reason"]!).Length > 0));
        Assert.AreEqual("fire9/concat_1", (string)model["split"]!["features"]!);
        // Measured: 957 MB at a batch of 32, of which 125 MB are the process without a model.
        Assert.IsInRange(650e6, 860e6, (double)(long)Inspect(SharedFiles.Path("models/squeezenet-imagenet-caffe2-fp16.onnx"), "--rank 0")["training"]!["memory"]!["total"]!);
    }

    private static Value Input(GraphBuilder b) => b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 4]);

    private void Write(Func<GraphBuilder, Value> body)
    {
        var b = new GraphBuilder();
        OnnxFile.Save(Model.Canonical(b.Build([("scores", body(b))])), bench["model.onnx"]);
    }

    private JsonNode Inspect(string options = "") => Inspect(bench["model.onnx"], options);

    private JsonNode Inspect(string path, string options)
    {
        var (code, output, error) = bench.Run($"inspect {path} {options} --json".Replace("  ", " ", StringComparison.Ordinal));
        Assert.AreEqual(ExitCode.Done, code, error);
        return JsonNode.Parse(output)!;
    }
}
