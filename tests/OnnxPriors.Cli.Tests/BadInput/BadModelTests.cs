using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Testing;

namespace OnnxPriors.Cli.Tests.BadInput;

[TestClass]
public sealed class BadModelTests : IDisposable
{
    private readonly Workbench bench = new();

    public void Dispose() => bench.Dispose();

    [TestMethod]
    [DataRow("inspect @bad.onnx")]
    [DataRow("import @bad.onnx -o @out.onnx")]
    [DataRow("verify @bad.onnx")]
    [DataRow("run @bad.onnx --inputs @batch.npz -o @out.npz")]
    [DataRow("gradients @bad.onnx --inputs @batch.npz -o @out.npz")]
    [DataRow("fit @bad.onnx --data @data.csv -o @out.safetensors")]
    [DataRow("bake @bad.onnx --prior isotropic --classes 3 -o @out")]
    [DataRow("evaluate @bad.onnx --data @data.csv")]
    public void A_truncated_model_and_a_text_with_its_name_are_refused(string line)
    {
        var whole = File.ReadAllBytes(Path.Combine(SharedFiles.Checkout, "models", "demo-digits.onnx"));
        // Within the weights, within the nodes before them, and within the first fields.
        foreach (var length in (int[])[whole.Length - 1, whole.Length / 2, 1000, 20])
        {
            File.WriteAllBytes(bench["bad.onnx"], whole[..length]);
            bench.Refused(line, "@bad.onnx");
        }
        foreach (var text in (string[])["This is not a model at all, though its name says so.\n", "<html><body>404 Not Found</body></html>", ""])
        {
            File.WriteAllText(bench["bad.onnx"], text);
            bench.Refused(line, "@bad.onnx");
        }
    }

    [TestMethod]
    public void A_truncated_model_is_told_to_be_exported_again()
    {
        var whole = File.ReadAllBytes(bench["model.onnx"]);
        File.WriteAllBytes(bench["bad.onnx"], whole[..(whole.Length / 2)]);
        bench.Refused("inspect @bad.onnx", "@bad.onnx", "cut short", "Export or copy it again");
    }

    [TestMethod]
    [DataRow("import @odd.onnx -o @out.onnx")]
    [DataRow("run @odd.onnx --inputs @batch.npz -o @out.npz")]
    [DataRow("gradients @odd.onnx --inputs @batch.npz -o @out.npz")]
    [DataRow("fit @odd.onnx --data @data.csv -o @out.safetensors")]
    [DataRow("bake @odd.onnx --prior isotropic --classes 3 -o @out")]
    public void Three_unsupported_operators_are_all_named_at_once(string line)
    {
        WriteOdd();
        bench.Refused(line, "3 nodes that are not supported", "Sagmoid", "Tonh", "Orf");
    }

    [TestMethod]
    public void Verify_lists_the_unsupported_operators_in_its_report()
    {
        WriteOdd();
        var (code, output, error) = bench.Run("verify @odd.onnx --json");
        Assert.AreEqual(ExitCode.BadInput, code);
        Assert.AreEqual("", error);
        var unsupported = System.Text.Json.Nodes.JsonNode.Parse(output)!["unsupported"]!.AsArray().Select(n => (string)n!).ToList();
        Assert.HasCount(3, unsupported);
        foreach (var op in (string[])["Sagmoid", "Tonh", "Orf"])
            Assert.Contains(text => text.Contains(op, StringComparison.Ordinal), unsupported);
    }

    [TestMethod]
    public void A_step_whose_file_was_cut_or_changed_is_not_trained()
    {
        bench.Bake();
        var eval = File.ReadAllBytes(bench["step/eval.onnx"]);
        File.WriteAllBytes(bench["step/eval.onnx"], eval[..^5]);
        bench.Refused("train @step --data @data.csv -o @run", "eval.onnx", "bake the step again");
        eval[^40] ^= 1;
        File.WriteAllBytes(bench["step/eval.onnx"], eval);
        bench.Refused("train @step --data @data.csv -o @run", "eval.onnx", "SHA-256", "bake the step again");
        File.WriteAllText(bench["step/manifest.json"], "{");
        bench.Refused("train @step --data @data.csv -o @run", "manifest.json", "ake the step again");
    }

    // Three operators that no specification has, by misspelling sound ones in the file.
    private void WriteOdd()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 4]);
        var weight = b.Parameter("w", TensorData.Of(new float[20], [4, 5]));
        OnnxFile.Save(Model.Canonical(b.Build([("scores", b.MatMul(b.Erf(b.Tanh(b.Sigmoid(x))), weight))])), bench["odd.onnx"]);
        bench.Patch("odd.onnx", "Sigmoid", "Sagmoid");
        bench.Patch("odd.onnx", "Tanh", "Tonh");
        bench.Patch("odd.onnx", "Erf", "Orf");
    }
}
