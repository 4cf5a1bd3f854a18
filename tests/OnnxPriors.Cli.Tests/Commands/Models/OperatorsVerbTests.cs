using System.Text.Json.Nodes;
using OnnxPriors.Cli.Commands;
using OnnxPriors.Testing;

namespace OnnxPriors.Cli.Tests.Commands.Models;

[TestClass]
public sealed class OperatorsVerbTests
{
    [TestMethod]
    public void The_page_of_the_documentation_is_what_the_verb_prints()
    {
        var page = File.ReadAllText(Path.Combine(SharedFiles.Checkout, "docs", "operators.md"));
        Assert.AreEqual("", string.Join('\n', Run("operators", "--markdown").Split('\n').Except(page.Split('\n'))), "docs/operators.md is stale: onnxpriors operators --markdown > docs/operators.md");
        Assert.AreEqual(page.Length, Run("operators", "--markdown").Length);
    }

    [TestMethod]
    public void The_json_holds_every_operator_once_with_six_facts()
    {
        var list = JsonNode.Parse(Run("operators", "--json"))!.AsArray();
        Assert.AreSequenceEqual(["operator", "domain", "opsets", "forward", "gradient", "restrictions"], list[0]!.AsObject().Select(p => p.Key));
        Assert.AreEqual(list.Count, list.Select(o => ((string)o!["domain"]!, (string)o["operator"]!)).Distinct().Count());
        var product = list.Single(o => (string)o!["operator"]! == "MatMul" && (string)o["domain"]! == "ai.onnx")!;
        Assert.AreEqual((true, true, ""), ((bool)product["forward"]!, (bool)product["gradient"]!, (string)product["restrictions"]!));
        var scores = list.Single(o => (string)o!["operator"]! == "StringSplit")!;
        Assert.AreEqual((false, false), ((bool)scores["forward"]!, (bool)scores["gradient"]!));
        Assert.IsFalse((bool)list.Single(o => (string)o!["operator"]! == "Floor")!["gradient"]!, "a derivative that is zero is none");
    }

    private static string Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.AreEqual(ExitCode.Done, CommandLine.Run(args, output, error), error.ToString());
        return output.ToString();
    }
}
