using System.Text.Json.Nodes;
using OnnxPriors.Cli.Commands;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;

namespace OnnxPriors.Cli.Tests.Commands.Models;

/// <summary>The verb on cases made here, of which it is known how they must come out.</summary>
[TestClass]
public sealed class ConformanceVerbTests
{
    private readonly string root = Directory.CreateTempSubdirectory("onnxpriors-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(root, recursive: true);

    [TestMethod]
    public void Each_case_gets_a_verdict_under_both_engines()
    {
        var x = TensorData.Of([-1f, 2, float.NaN, float.PositiveInfinity], 2, 2);
        Case("node/right", "Relu", x, TensorData.Of([0f, 2, float.NaN, float.PositiveInfinity], 2, 2));
        Case("within", "Relu", x, TensorData.Of([0.00001f, 2.0019f, float.NaN, float.PositiveInfinity], 2, 2));
        Case("beyond", "Relu", x, TensorData.Of([0f, 2.0021f, float.NaN, float.PositiveInfinity], 2, 2));
        Case("infinite", "Relu", x, TensorData.Of([0f, 2, float.NaN, float.NegativeInfinity], 2, 2));
        Case("shape", "Relu", x, TensorData.Of([0f, 2, float.NaN, float.PositiveInfinity], 4));
        Case("type", "Relu", x, TensorData.Of([0.0, 2, double.NaN, double.PositiveInfinity], 2, 2));
        Case("whole", "Neg", TensorData.Vector(1, 1_000_000), TensorData.Vector(-1, -1_000_001));
        Case("half", "Sqrt", TensorData.Of([2f, 9], 2).ConvertTo(ElementType.Float16), TensorData.Of([1.4142135f, 3], 2).ConvertTo(ElementType.Float16));
        Case("unknown", "Frobnicate", x, x);
        File.Delete(Path.Combine(Case("empty", "Relu", x, x), "test_data_set_0", "input_0.pb"));
        var (code, json, error) = Run("conformance", root, "--json");
        Assert.AreEqual(ExitCode.Done, code, error);
        var verdicts = JsonNode.Parse(json)!.AsArray().Select(v => ((string)v!["case"]!, (string)v["engine"]!, (string)v["status"]!, (string)v["reason"]!)).ToList();
        string[] names = ["beyond", "empty", "half", "infinite", "right", "shape", "type", "unknown", "whole", "within"];
        CollectionAssert.AreEqual(names.SelectMany(n => new[] { (n, "onnx"), (n, "torch") }).ToArray(), verdicts.Select(v => (v.Item1, v.Item2)).ToArray());
        foreach (var (name, engine, status, reason) in verdicts)
        {
            var wanted = name switch { "right" or "within" or "half" => "pass", "unknown" => "refused", _ => "fail" };
            Assert.AreEqual(wanted, status, $"{name} {engine}: {reason}");
            Assert.AreEqual(wanted == "pass", reason.Length == 0);
            var part = name switch
            {
                "beyond" => "1 of 4 elements, most at 1: 2.0021 is expected and 2 came out",
                "infinite" => "most at 3",
                "shape" => "[2, 2], not [4]",
                "type" => "Float, not Double",
                "whole" => "element 1: -1000001 is expected and -1000000 came out",
                "unknown" => "custom.Frobnicate",
                "empty" => "1 inputs and 'test_data_set_0' has 0",
                _ => "",
            };
            Assert.Contains(part, reason);
        }
    }

    [TestMethod]
    public void A_case_that_takes_too_long_costs_itself_alone()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, Shape.Of(1));
        var wide = b.Expand(x, b.Ints(4000, 4000));
        var product = Enumerable.Range(0, 100).Aggregate(wide, (sum, _) => b.MatMul(sum, wide));
        Case("a_slow", Model.Canonical(b.Build([("y", product)])), TensorData.Of([1f], 1), TensorData.Of([1f], 1));
        Case("b_quick", "Relu", TensorData.Of([1f], 1), TensorData.Of([1f], 1));
        var (code, json, error) = Run("conformance", root, "--engine", "onnx", "--timeout", "5", "--json");
        Assert.AreEqual(ExitCode.Done, code, error);
        var verdicts = JsonNode.Parse(json)!.AsArray();
        CollectionAssert.AreEqual(new[] { "fail", "pass" }, verdicts.Select(v => (string)v!["status"]!).ToArray(), json);
        Assert.AreEqual("no result within 5 s", (string)verdicts[0]!["reason"]!);
    }

    [TestMethod]
    public void People_see_the_counts_and_what_did_not_pass()
    {
        Case("right", "Relu", TensorData.Of([1f], 1), TensorData.Of([1f], 1));
        Case("wrong", "Relu", TensorData.Of([1f], 1), TensorData.Of([2f], 1));
        var (code, text, _) = Run("conformance", root, "--engine", "onnx");
        Assert.AreEqual(ExitCode.Done, code);
        Assert.DoesNotContain("right", text);
        Assert.Contains("1 of 1 elements, most at 0: 2 is expected and 1 came out", text);
        Assert.Contains("onnx", text);
    }

    [TestMethod]
    public void A_folder_without_cases_is_bad_input()
    {
        Directory.CreateDirectory(Path.Combine(root, "a/b/c/d/e"));
        Assert.AreEqual(ExitCode.BadInput, Run("conformance", root).Code);
        Assert.AreEqual(ExitCode.BadInput, Run("conformance", Path.Combine(root, "missing")).Code);
        Assert.AreEqual(ExitCode.BadInput, Run("conformance", root, "--timeout", "0").Code);
        // Deeper than cases lie.
        File.WriteAllText(Path.Combine(root, "a/b/c/d/e/model.onnx"), "");
        var (code, _, error) = Run("conformance", root);
        Assert.AreEqual(ExitCode.BadInput, code);
        Assert.Contains("model.onnx", error);
    }

    private string Case(string name, string op, TensorData x, TensorData expected)
    {
        var b = new GraphBuilder();
        var domain = op == "Frobnicate" ? "custom" : "";
        var y = b.Emit(op, [b.Input("x", x.Type, x.Shape)], domain: domain)[0];
        var graph = b.Build([("y", y)]);
        return Case(name, Model.Canonical(graph), x, expected);
    }

    private string Case(string name, Model model, TensorData x, TensorData expected)
    {
        var folder = Path.Combine(root, name);
        var set = Directory.CreateDirectory(Path.Combine(folder, "test_data_set_0")).FullName;
        OnnxFile.Save(model, Path.Combine(folder, "model.onnx"));
        TensorFile.Save(x, Path.Combine(set, "input_0.pb"), "x");
        TensorFile.Save(expected, Path.Combine(set, "output_0.pb"), "y");
        return folder;
    }

    private static (int Code, string Output, string Error) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = CommandLine.Run(args, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
